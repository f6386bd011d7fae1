"""Every number of an audit is the same number in every output.

Outputs are parsed as a reader sees them, and compared with `reports.counts` and with a count made here from the Parquet
files of the record.
"""

import ast
import csv
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import pyarrow.parquet as pq
import pytest
from building import SHARED, audit, message, needs_shared, unpacked
from chataudit import Record
from chataudit.audit import registry
from chataudit.audit.commands import terminal
from chataudit.audit.commands.app import app
from chataudit.audit.commands.run import _summarise
from chataudit.audit.demo.release import release
from chataudit.reports.counts import Counts
from chataudit.reports.exports.junit import junit
from chataudit.reports.exports.sarif import sarif
from chataudit.reports.gate import Gate, Limit, decide
from chataudit.reports.page.view import page
from planting import Fails, Planted
from typer.testing import CliRunner

LEVELS = {1: "note", 2: "warning", 3: "error"}
FORMS = ("markdown", "latex", "card", "croissant", "datasheet")
OASST = ("oasst1_en_validation.messages", "oasst2_all_subset.trees")
ECHO = "data/cases/tools/12-echo-two-severities/input.jsonl"


@dataclass
class Expected:
    """The numbers of an audit, counted by hand."""

    messages: int
    trees: int
    files: int
    flagged: tuple[int, int]  # and checked, by any check
    worst: dict[str, int]  # messages by their worst finding
    findings: dict[str, Counter[str]]  # by check and severity
    rules: dict[tuple[str, str], int]  # findings by rule and severity
    rule_messages: dict[tuple[str, str], int]  # messages by rule and severity
    rates: dict[str, tuple[int, int]]  # messages flagged and checked, by check
    skipped: dict[str, Counter[str]]  # messages by check and reason


@dataclass
class Audited:
    """One audit: its folder, its record, the numbers expected, and what the commands printed."""

    name: str
    folder: Path
    record: Record
    expected: Expected
    printed: dict[str, str]

    @property
    def checks(self):
        return [check.name for check in self.record.facts.checks]

    def read(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


def counted(folder):
    """Count a record by hand, one row after the other."""
    facts = json.loads((folder / "record.json").read_text())
    messages = pq.read_table(folder / "messages.parquet").to_pylist()
    findings = pq.read_table(folder / "findings.parquet").to_pylist()
    is_nested = facts["sources"][0]["format"].endswith("trees")
    trees = {(row["source"], row["line"]) if is_nested else row["tree_id"] for row in messages}
    there = {place(row) for row in messages}
    names = [check["name"] for check in facts["checks"]]
    bad = {name: {place(f) for f in findings if f["check"] == name and f["severity"] > 1} for name in names}
    worst = {}
    for found in findings:
        worst[place(found)] = max(found["severity"], worst.get(place(found), 0))
    about = {(f["rule"], LEVELS[f["severity"]], place(f)) for f in findings if place(f) in there}
    return Expected(
        messages=len(messages),
        trees=len(trees),
        files=len(facts["sources"]),
        flagged=(
            sum(any(place(row) in bad[name] for name in names) for row in messages),
            sum(any(row[name] == "checked" for name in names) for row in messages),
        ),
        worst=Counter(LEVELS[worst[place(row)]] for row in messages if place(row) in worst),
        findings={n: Counter(LEVELS[f["severity"]] for f in findings if f["check"] == n) for n in names},
        rules=Counter((f["rule"], LEVELS[f["severity"]]) for f in findings),
        rule_messages=Counter((rule, level) for rule, level, _ in about),
        rates={
            name: (
                sum(place(row) in bad[name] for row in messages),
                sum(row[name] == "checked" for row in messages),
            )
            for name in names
        },
        skipped={n: Counter(row[n] for row in messages if row[n] not in ("checked", None)) for n in names},
    )


def place(row):
    return row["message_id"], row["source"], row["line"]


def sources(folder):
    """Yield the name and the sources of each audit that can be made here."""
    planted = {seed: folder / f"release-{seed}" for seed in (1, 2, 3) if SHARED.is_dir()}
    # Releases are made while other audits run.
    making = [
        subprocess.Popen(
            [
                sys.executable,
                SHARED / "tools" / "make_release.py",
                *f"--messages 1000 --seed {seed} --out {out}".split(),
            ],
            stdout=subprocess.DEVNULL,
        )
        for seed, out in planted.items()
    ]
    (folder / "demo").mkdir()
    yield "demo", release(1).write(folder / "demo" / "release.jsonl")
    if planted:
        yield "echo", [SHARED / ECHO]
        for name in OASST:
            yield name, [SHARED / "data" / "oasst" / f"{name}.jsonl.gz"]
    for (seed, out), process in zip(planted.items(), making, strict=True):
        assert process.wait() == 0
        yield f"planted {seed}", [out / "messages.jsonl"]


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Run the audits, each with the output of every command."""
    top = tmp_path_factory.mktemp("audits")

    def call(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        # A limit on a check that did not run is not met.
        assert done.exit_code == 0 or (words[0] == "gate" and done.exit_code == 1), done.output
        return done.stdout

    found = []
    for name, files in sources(top):
        folder = top / f"{name}.audit"
        printed = {"run": call("run", *files, "--out", folder)}
        record = Record.read(folder)
        expected = counted(folder)
        gated = [*expected.rates, *{rule for rule, _ in expected.rules}]
        limits = "".join(f'[gate."{target}"]\nmax_rate = 1\nmax_count = 1000000\n' for target in gated)
        (top / "gate.toml").write_text(limits)
        words = ("--config", top / "gate.toml", "--overwrite")
        printed["gate"] = call("gate", folder, *words, "--junit", folder / "junit.xml", "--sarif", folder / "out.sarif")
        printed["rates"] = call("rates", folder)
        call("rates", folder, "--out", folder / "rates.csv")
        call("export", "gx", folder, "--out", folder / "gx")
        printed |= {form: call("limitations", folder, "--as", form) for form in FORMS}
        found.append(Audited(name, folder, record, expected, printed))
    return found


def n(words):
    return int(words.replace(",", ""))


def by_severity(words):
    """Read `2 errors, 1 warning and 3 notes`."""
    return {level: n(count) for count, level in re.findall(r"([\d,]+) (error|warning|note)s?\b", words)}


def sums(expected):
    return dict(sum(expected.findings.values(), Counter()))


def idle(audited):
    """Return the checks that checked nothing and found nothing, with the most frequent reason."""
    expected = audited.expected
    return {
        name: min(expected.skipped[name].items(), key=lambda each: (-each[1], each[0]))[0]
        for name, (_, checked) in expected.rates.items()
        if not checked and not expected.findings[name].total()
    }


# -- counts ----------------------------------------------------------------------------------------------------------


@needs_shared
def test_the_audits_of_real_and_planted_data_are_among_them(audits):
    names = ["demo", "echo", *OASST, "planted 1", "planted 2", "planted 3"]
    assert [audited.name for audited in audits] == names


def test_counts_are_what_one_counts_by_hand(audits):
    for audited in audits:
        counts, expected = Counts(audited.record), audited.expected
        assert (counts.messages, counts.trees, counts.files) == (expected.messages, expected.trees, expected.files)
        assert counts.rate[:2] == expected.flagged, audited.name
        assert {LEVELS[level]: count for level, count in counts.worst.items() if count} == dict(expected.worst)
        assert {LEVELS[level]: count for level, count in counts.severities.items() if count} == sums(expected)
        for check in counts.checks:
            assert check.rate[:2] == expected.rates[check.name], (audited.name, check.name)
            assert dict(check.skipped) == dict(expected.skipped[check.name]), (audited.name, check.name)
            found = {LEVELS[level]: count for level, count in check.severities.items() if count}
            assert found == dict(expected.findings[check.name]), (audited.name, check.name)
        assert {(line.rule.id, line.level): line.findings for line in counts.lines} == dict(expected.rules)


def test_the_two_echoes_of_one_rule_are_a_warning_and_a_note(audits):
    for audited in audits:
        if audited.name == "echo":
            found = {pair: count for pair, count in audited.expected.rules.items() if pair[0].endswith("/echo")}
            assert sorted((level, count) for (_, level), count in found.items()) == [("note", 1), ("warning", 1)]


# -- outputs ---------------------------------------------------------------------------------------------------------


def test_the_terminal_states_them(audits):
    for audited in audits:
        expected, text = audited.expected, audited.printed["run"]
        (size,) = re.findall(r"^([\d,]+) messages? in ([\d,]+) trees?, ([\d,]+) files?, ", text, re.MULTILINE)
        assert tuple(map(n, size)) == (expected.messages, expected.trees, expected.files), audited.name
        blocks = dict(re.findall(r"^(\w+): (.*?)\n\n", text, re.MULTILINE | re.DOTALL))
        assert set(blocks) == set(audited.checks)
        for check, block in blocks.items():
            what = (audited.name, check)
            headline = block.splitlines()[0]
            assert (
                headline == f"did not run: {idle(audited)[check]}"
                if check in idle(audited)
                else (re.match(r"([\d,]+) of ([\d,]+) messages? with a warning or an error, ", headline))
            ), what
            if check not in idle(audited):
                assert tuple(map(n, re.findall(r"[\d,]+", headline)[:2])) == expected.rates[check], what
            lines = re.findall(r"^(error|warning|note) +([\d,]+)  (\w+) ", block, re.MULTILINE)
            reported = {(f"{check}/{rule}", level): n(count) for level, count, rule in lines}
            assert reported == of_check(expected.rules, check), what
            assert sum(map(n, re.findall(r"^skipped +([\d,]+)  ", block, re.MULTILINE))) == (
                expected.skipped[check].total()
            ), what
        (verdict,) = re.findall(r"^(?:Errors found|Warnings, no errors|Notes only)\. (.*)$", text, re.MULTILINE)
        assert by_severity(verdict) == sums(expected), audited.name
        the_reasons_state_them(audited, text)


def of_check(rules, check):
    return {pair: count for pair, count in rules.items() if pair[0].startswith(f"{check}/")}


def the_reasons_state_them(audited, text):
    """Compare the bullets of the verdict, which the terminal, the page and the summary have in common."""
    expected = audited.expected
    (flagged,) = re.findall(r"([\d,]+) of ([\d,]+) messages? \(.*\) (?:has|have) a warning or an error: (.*)", text)
    assert (n(flagged[0]), n(flagged[1])) == expected.flagged, audited.name
    worst = {level: n(count) for count, level in re.findall(r"([\d,]+) with (error|warning)s", flagged[2])}
    assert worst == {level: count for level, count in expected.worst.items() if level != "note"}, audited.name
    titles = {rule.title: rule.id for check in audited.record.facts.checks for rule in check.rules}
    bullets = re.findall(r"([\d,]+) × (.*) \((error|warning|note), (\w+)\)", text)
    assert bullets
    for count, title, level, check in bullets:
        assert titles[title].startswith(f"{check}/")
        assert n(count) == expected.rules[titles[title], level], (audited.name, title)
    for check, reason in idle(audited).items():
        assert re.search(rf"\d of {len(audited.checks)} checks did not run: .*{check} \({re.escape(reason)}\)", text)


def test_the_summary_states_them(audits):
    for audited in audits:
        expected, text = audited.expected, audited.read("summary.md").replace("\\", "")
        (size,) = re.findall(r"^([\d,]+) messages? in ([\d,]+) trees?, ([\d,]+) files?, ", text, re.MULTILINE)
        assert tuple(map(n, size)) == (expected.messages, expected.trees, expected.files), audited.name
        rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\| \w.*$", text, re.MULTILINE)]
        assert {row[0] for row in rows[1:]} == set(audited.checks)
        for check, rate, _, checked, skipped, *counts in rows[1:]:
            flagged = 0 if check in idle(audited) else n(rate.split(" (")[0])
            assert (flagged, n(checked)) == expected.rates[check], (audited.name, check)
            assert n(skipped) == expected.skipped[check].total(), (audited.name, check)
            found = [expected.findings[check][level] for level in ("error", "warning", "note")]
            assert [n(count) for count in counts] == found, (audited.name, check)
            assert (rate == "did not run") is (check in idle(audited))
        rules = re.findall(r"^- ([\d,]+) × .* \((error|warning|note), `(.*)`\)$", text, re.MULTILINE)
        assert {(rule, level): n(count) for count, level, rule in rules} == dict(expected.rules), audited.name
        the_reasons_state_them(audited, text.partition("| check |")[0])


def words(html):
    return " ".join(unescape(re.sub("<[^>]*>", " ", html)).split())


def test_the_page_states_them(audits):
    for audited in audits:
        expected, html = audited.expected, audited.read("report.html")
        static = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
        header, _, rest = static.partition("</header>")
        facts = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", header))
        assert [n(facts[name]) for name in ("messages", "trees", "files")] == (
            [expected.messages, expected.trees, expected.files]
        ), audited.name
        (headline,) = re.findall(r'<p class="headline">[^<]*<span>(.*?)</span>', header)
        assert by_severity(headline) == sums(expected), audited.name
        the_reasons_state_them(audited, "\n".join(map(words, re.findall("<li>.*?</li>", header))))

        cards = dict(re.findall(r'<article class="card[^"]*" aria-labelledby="card-(\w+)">(.*?)</article>', rest, re.S))
        assert set(cards) == set(audited.checks)
        for check, card in cards.items():
            what = (audited.name, check)
            text = words(card)
            (numbers,) = re.findall(r"([\d,]+) checked, ([\d,]+) skipped", text)
            assert (n(numbers[0]), n(numbers[1])) == (expected.rates[check][1], expected.skipped[check].total()), what
            if check in idle(audited):
                assert f'<article class="card idle" aria-labelledby="card-{check}">' in rest
                assert f"did not run: {idle(audited)[check]}" in text
            else:
                (rate,) = re.findall(r"([\d,]+) of ([\d,]+) messages with a warning or an error", text)
                assert (n(rate[0]), n(rate[1])) == expected.rates[check], what
            for level, rule, count in re.findall(
                r'severity=(\w+)&amp;rule=([^"]*)">[^<]*</a> <span class="count">([\d,]+)', card
            ):
                assert n(count) == expected.rules[rule.replace("%2F", "/"), level], what

        sections = dict(re.findall(r'<section class="check" id="(\w+)"(.*?)</section>', rest, re.S))
        for check, section in sections.items():
            what = (audited.name, check)
            facts = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", section))
            assert n(facts["checked"]) == expected.rates[check][1], what
            assert n(facts["skipped"]) == expected.skipped[check].total(), what
            found = {level: n(facts[f"{level}s"]) for level in LEVELS.values() if n(facts[f"{level}s"])}
            assert found == dict(expected.findings[check]), what
            rows = re.findall(r'severity=(\w+)&amp;rule=([^"]*)"><code>.*?<td class="n">([\d,]+)</td>', section)
            reported = {(rule.replace("%2F", "/"), level): n(count) for level, rule, count in rows}
            assert reported == of_check(expected.rules, check), what
            reasons = re.search(r"<h4>Skipped messages</h4>\s*<ul>(.*?)</ul>", section, re.S)
            reported = dict(re.findall("<li>([^:]*): (.*?)</li>", reasons[1])) if reasons else {}
            assert sum(map(n, reported)) <= expected.skipped[check].total(), what
            listed = re.findall("<li>([^:]*): (.*?)</li>", reasons[1]) if reasons else []
            assert {unescape(reason): n(count) for count, reason in listed} == dict(expected.skipped[check]), what

        index = unpacked(html)["index"]
        rules = [index["words"]["rule"][code] for code in index["columns"]["rule"]]
        shown = Counter(zip(rules, (LEVELS[code] for code in index["columns"]["severity"]), strict=True))
        assert shown == Counter(expected.rules), audited.name


def test_rates_state_them(audits):
    for audited in audits:
        expected = audited.expected
        with open(audited.folder / "rates.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            what = (audited.name, row["check"], row["rule"])
            if not row["rule"]:
                assert (int(row["flagged"]), int(row["checked"])) == expected.rates[row["check"]], what
            else:
                assert int(row["flagged"]) == expected.rule_messages[row["rule"], row["severity"]], what
                assert int(row["checked"]) == expected.rates[row["check"]][1], what
        there = {(row["rule"], row["severity"]) for row in rows if row["rule"]}
        assert there == set(expected.rules), audited.name
        assert [row["check"] for row in rows if not row["rule"]] == audited.checks
        table = audited.printed["rates"].partition("\n\n")[0].splitlines()[1:]
        printed = [line.split() for line in table if ", corrected" not in line]
        for line, row in zip(printed, rows, strict=True):
            assert line[0] == row["rule"].partition("/")[2] or line[0] == row["check"]
            figures = line[2:4] if row["rule"] else line[1:3]
            assert [n(figure) for figure in figures] == [int(row["flagged"]), int(row["checked"])], (audited.name, line)


def test_all_outputs_state_the_same_corrected_rate_and_accuracy(audits):
    known = set()
    for audited in audits:
        html = audited.read("report.html")
        with open(audited.folder / "rates.csv", newline="", encoding="utf-8") as file:
            rows = {row["check"]: row for row in csv.DictReader(file) if not row["rule"]}
        facts = json.loads((audited.folder / "record.json").read_text())
        for check in facts["checks"]:
            name, what = check["name"], (audited.name, check["name"])
            card = words(re.search(rf'aria-labelledby="card-{name}">(.*?)</article>', html, re.S)[1])
            section = words(re.search(rf'<section class="check" id="{name}"(.*?)</section>', html, re.S)[1])
            (limits,) = (each for each in audited.record.limitations().split("\n### ") if each.startswith(f"{name}:"))
            told = {
                "card": re.findall(r"Corrected for the check's false alarms and misses: (.*?\))", card),
                "section": re.findall(r"Corrected for the check's false alarms and misses: (.*?\))", section),
                "rates": re.findall(rf"^{name}, corrected .*?: (.*\))$", audited.printed["rates"], re.MULTILINE),
                "summary": re.findall(rf"^- {name}, corrected .*?: (.*\))$", audited.read("summary.md"), re.MULTILINE),
                "limitations": re.findall(r"(?:Corrected .*|By these labels) the rate is (.*?\))", limits),
            }
            assert len(set(map(tuple, told.values()))) == 1, (what, told)
            if rows[name]["corrected"]:
                ends = [100 * float(rows[name][f"corrected{end}"]) for end in ("", "_low", "_high")]
                share, low, high = re.fullmatch(r"([\d.]+) % \(95 % CI ([\d.]+)-([\d.]+)\)", told["card"][0]).groups()
                assert [float(share), float(low), float(high)] == pytest.approx(ends, abs=0.051), what
                known.add(audited.name)
            else:
                assert told["card"] == [], what
            # Precision and recall on labels of the data, from the confusion in the record.
            accuracy = [
                re.findall(r"([Pp]recision .*? labelled messages of this data set)", each) for each in (card, limits)
            ]
            assert [each[:1].lower() + each[1:] for each in accuracy[0]] == accuracy[1], what
            hits, misses, false_alarms, right_silences = check["labelled"] or (0, 0, 0, 0)
            if hits + misses and false_alarms + right_silences:
                recall, size = re.search(r"ecall ([\d.]+) % \(.*?\) on ([\d,]+) labelled", accuracy[0][0]).groups()
                assert n(size) == hits + misses + false_alarms + right_silences, what
                assert float(recall) == pytest.approx(100 * hits / (hits + misses), abs=0.051), what
            else:
                assert accuracy[0] == [], what
    if SHARED.is_dir():
        assert OASST[0] in known


@pytest.mark.parametrize(("part", "column"), [("language", "lang"), ("file", "source")])
def test_the_charts_by_language_and_by_file_state_the_rates_of_these(audits, part, column):
    for audited in audits:
        html = audited.read("report.html")
        found = re.search(rf'id="chart-by-{part}">(.*?)</figure>', html, re.S)
        if found is None:
            assert (part, audited.expected.files) == ("file", 1), audited.name
            continue
        figure = found[1]
        heads = [words(each) for each in re.findall(r'<th scope="col">(.*?)</th>', figure)][1:]
        told = {}
        for row, cells in re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', figure, re.S):
            for check, cell in zip(heads, re.findall("<td>(.*?)</td>", cells), strict=True):
                told[words(row), check] = words(cell)
        frame = audited.record.rates(by=[column])
        rates = frame[frame["rule"].isna()]
        compared = 0
        names = audited.record.facts.file_names
        for check, value, flagged, checked, low, high in zip(
            *(rates[name] for name in ("check", column, "flagged", "checked", "low", "high")), strict=True
        ):
            key = (names.get(value, value) if isinstance(value, str) else "not declared", check)
            if key in told and checked:
                said = re.fullmatch(r"([\d,]+) of ([\d,]+) messages?, .* \(95 % CI ([\d.]+)-([\d.]+)\)", told[key])
                assert (n(said[1]), n(said[2])) == (flagged, checked), (audited.name, key)
                assert [float(said[3]), float(said[4])] == pytest.approx([100 * low, 100 * high], abs=0.051)
                compared += 1
            elif key in told:
                assert told[key] == "none checked", (audited.name, key)
        assert compared, audited.name


def statements(audited, form):
    """Return what a form of the limitations states about each check, in plain words."""
    text = audited.printed[form]
    if form == "croissant":
        found = json.loads(text)["rai:dataLimitations"]
        return {said.partition(": ")[0]: said for said in found if said.partition(": ")[0] in audited.checks}
    if form == "latex":
        plain = re.sub(r"\\([%_#&$])", r"\1", text).replace(r"\textquotesingle{}", "'").replace(r"\textquotedbl{}", '"')
        parts = re.split(r"^\\paragraph\{", plain, flags=re.MULTILINE)[1:]
        return {part.partition(":")[0]: part for part in parts if part.partition(":")[0] in audited.checks}
    plain = re.sub(r"\\([^\w\s])", r"\1", text)
    if form == "datasheet":
        lines = re.findall(r"^- (\w+): (.*)$", plain, re.MULTILINE)
        return {check: " ".join(said for name, said in lines if name == check) for check in audited.checks}
    parts = re.split(r"^### ", plain, flags=re.MULTILINE)[1:]
    return {part.partition(":")[0]: part for part in parts if part.partition(":")[0] in audited.checks}


def test_limitations_state_them_in_all_forms(audits):
    for audited in audits:
        expected = audited.expected
        titles = {rule.id: rule.title for check in audited.record.facts.checks for rule in check.rules}
        for form in FORMS:
            reported = statements(audited, form)
            assert set(reported) == set(audited.checks), (audited.name, form)
            (size,) = re.findall(r"([\d,]+) messages? in ([\d,]+) conversation trees?", audited.printed[form])
            assert tuple(map(n, size)) == (expected.messages, expected.trees), (audited.name, form)
            for check, text in reported.items():
                what = (audited.name, form, check)
                if check in idle(audited):
                    assert f"The check did not run: {idle(audited)[check]}." in text, what
                else:
                    (rate,) = re.findall(r"([\d,]+|None) of ([\d,]+) checked messages?", text)
                    assert (0 if rate[0] == "None" else n(rate[0]), n(rate[1])) == expected.rates[check], what
                skipped = re.findall(r"([\d,]+) messages? \([^)]*%\) (?:was|were) skipped: (.*?)\.(?: |\n|$)", text)
                assert sum(n(count) for count, _ in skipped) == expected.skipped[check].total(), what
                for reason, count in re.findall(r"([^;]*?) \(([\d,]+)\)(?:; |$)", "; ".join(w for _, w in skipped)):
                    known = expected.skipped[check].get(reason.strip())
                    assert known == n(count) or reason.strip() == "other reasons", (*what, reason)
                found = of_check(expected.rules, check)
                for (rule, level), count in found.items():
                    assert f"{titles[rule][1:]} ({count:,} {level}{'' if count == 1 else 's'})" in text, (*what, rule)
                said = re.findall(r"\(([\d,]+) (error|warning|note)s?\)", text)
                assert sorted((level, n(count)) for count, level in said) == (
                    sorted((level, count) for (_, level), count in found.items())
                ), what
            rows = {
                "latex": r"^(\S+) & ([\d,]*) & ([\d,]*) & ",
                "markdown": r"^\| (\w+) \| ([\d,]*) \| ([\d,]*) \|",
            }
            if pattern := rows.get("markdown" if form == "card" else form):
                table = audited.printed[form].replace(r"\_", "_").replace("|  |", "| |")
                lines = re.findall(pattern.replace(r"\| ([\d,]*) \|", r"\| ?([\d,]*) \|", 1), table, re.MULTILINE)
                rates = {check: (n(flagged or "0"), n(checked)) for check, flagged, checked in lines if checked}
                assert rates == expected.rates, (audited.name, form)


def test_all_outputs_name_the_same_texts_that_were_not_read(audits):
    there = 0
    for audited in audits:
        expected = {}
        for source in json.loads(audited.read("record.json"))["sources"]:
            unread = {f["path"]: f["chars_unread"] for f in source["fields"] if f["use"] == "unread"}
            total = source["chars"] + sum(unread.values())
            expected |= {(source["name"], path): f"{100 * n / total:.1f} %" for path, n in unread.items()}
        there += len(expected)
        # One finding for each of them.
        found = {}
        for row in audited.record.table.to_pylist():
            if row["rule"].endswith("/unread_text"):
                path, share = re.match(r"(.*) was not read: text in .*, (.*) of characters\. ", row["summary"]).groups()
                assert (row["source"], path) not in found
                found[row["source"], path] = share
        assert found == expected, audited.name
        section = re.search(r'<section id="data".*?</section>', audited.read("report.html"), re.S)[0]
        shown = {}
        for row in re.split('<tr(?: class="with-fields")?><td><bdi>', section)[1:]:
            for path, share in re.findall(r"<code><bdi>(.*?)</bdi></code></td>.*?([\d.]+\s%)</td></tr>", row):
                shown[unescape(row.partition("<")[0]), path] = share.replace("\xa0", " ")
        files = audited.record.facts.file_names
        assert shown == {(files[source], path): share for (source, path), share in expected.items()}, audited.name
        for name in ("run", "summary", *FORMS):
            text = audited.read("summary.md") if name == "summary" else audited.printed[name]
            plain = re.sub(r"\\([^\w\s])", r"\1", text)
            for (source, path), share in expected.items():
                assert f"{path} ({share}" in plain, (audited.name, name)
                assert Path(source).name in plain, (audited.name, name)
            assert ("not read:" in plain or "not audited" in plain) is bool(expected), (audited.name, name)
    assert there


def test_junit_states_them(audits):
    for audited in audits:
        expected = audited.expected
        (suite,) = ET.parse(audited.folder / "junit.xml").getroot()
        reported = {each.get("name"): each.get("value") for each in suite.iter("property")}
        assert [int(reported[name]) for name in ("messages", "trees", "files")] == (
            [expected.messages, expected.trees, expected.files]
        ), audited.name
        for check in audited.checks:
            what = (audited.name, check)
            assert (int(reported[f"{check}: flagged"]), int(reported[f"{check}: checked"])) == expected.rates[check], (
                what
            )
            assert int(reported[f"{check}: skipped"]) == expected.skipped[check].total(), what
            found = {level: int(reported[f"{check}: {level}s"]) for level in LEVELS.values()}
            assert {level: count for level, count in found.items() if count} == dict(expected.findings[check]), what
            if check not in idle(audited):
                key = f"max_rate: {check}: max_rate: "
                rate = [reported[f"max_rate: {check}: {name}"] for name in ("flagged", "checked")]
                assert tuple(map(int, rate)) == expected.rates[check], (what, key)
        cases = {case.get("name"): case for case in suite.iter("testcase") if case.get("classname") == "checks"}
        assert set(cases) == set(audited.checks)
        for check, case in cases.items():
            skipped = [each.get("message") for each in case.iter("skipped")]
            assert skipped == ([f"did not run: {idle(audited)[check]}"] if check in idle(audited) else [])


def test_sarif_states_them_also_where_results_are_merged(audits, monkeypatch):
    logs = [(audited, audited.read("out.sarif")) for audited in audits]
    monkeypatch.setattr("chataudit.reports.exports.sarif.MAX_RESULTS", 1)
    logs += [(audited, sarif(audited.record)) for audited in audits]
    for audited, log in logs:
        expected = audited.expected
        (run,) = json.loads(log)["runs"]
        reported = run["properties"]
        assert [reported[name] for name in ("messages", "trees", "files")] == (
            [expected.messages, expected.trees, expected.files]
        ), audited.name
        assert {level: reported[f"{level}s"] for level in LEVELS.values() if reported[f"{level}s"]} == sums(expected)
        found = Counter()
        for result in run["results"]:
            found[result["ruleId"], result["level"]] += result.get("properties", {}).get("findings", 1)
        assert found == Counter(expected.rules), audited.name


def test_the_gate_states_them(audits):
    for audited in audits:
        expected = audited.expected
        lines = re.findall(r"^(met|exceeded|unknown) +(\S+): (.*)$", audited.printed["gate"], re.MULTILINE)
        assert lines
        for outcome, target, reported in lines:
            what = (audited.name, target, reported)
            check = target.partition("/")[0]
            assert (outcome == "unknown") is (check in idle(audited)), what
            if rate := re.search(r"% of messages \(([\d,]+) of ([\d,]+);", reported):
                found = (n(rate[1]), n(rate[2]))
                if target == check:
                    assert found == expected.rates[check], what
                else:
                    assert found[1] == expected.rates[check][1], what
            elif count := re.match(r"([\d,]+) findings?,", reported):
                rules = of_check(expected.rules, check)
                wanted = {pair: k for pair, k in rules.items() if pair[0] == target or pair[1] != "note"}
                wanted = {pair: k for pair, k in wanted.items() if target in (check, pair[0])}
                assert n(count[1]) == sum(wanted.values()), what


def test_the_export_for_great_expectations_states_them(audits):
    for audited in audits:
        expected = audited.expected
        flags = pq.read_table(audited.folder / "gx" / "flags.parquet").slice(0, expected.messages).to_pylist()
        levels = {rule.id: rule.severity for check in audited.record.facts.checks for rule in check.rules}
        for check in audited.checks:
            column = [row[check] for row in flags]
            reported = (column.count(True), len(column) - column.count(None))
            assert reported == expected.rates[check], (audited.name, check)
        for rule, level in expected.rules:
            n_flagged = [row[rule] for row in flags].count(True)
            if levels[rule] == 1 or (level != "note" and (rule, "note") not in expected.rules):
                assert n_flagged == sum(k for (r, _), k in expected.rule_messages.items() if r == rule)
            elif level == "note":
                bad = [k for (r, other), k in expected.rule_messages.items() if r == rule and other != "note"]
                assert n_flagged == sum(bad), (audited.name, rule)
        suite = json.loads((audited.folder / "gx" / "suite.json").read_text())
        values = [each for each in suite["expectations"] if each["type"] == "expect_column_values_to_be_in_set"]
        unmet = {each["kwargs"]["column"] for each in values if any(row[each["kwargs"]["column"]] for row in flags)}
        # A check is unmet where one of its rules is, and the other way round.
        assert {name.partition("/")[0] for name in unmet if "/" in name} == {name for name in unmet if "/" not in name}


def test_on_a_terminal_of_80_columns_lines_break_between_words(audits, monkeypatch):
    monkeypatch.setattr(terminal.out, "_force_terminal", True)
    monkeypatch.setattr(terminal.out, "_width", 80)
    config = audits[0].folder.parent / "gate.toml"
    for audited in audits:
        for words in (["rates", audited.folder], ["gate", audited.folder, "--config", config]):
            text = CliRunner().invoke(app, list(map(str, words))).stdout
            assert not [line for line in text.splitlines() if len(line) > 80], (audited.name, words[0])
        with terminal.out.capture() as capture:
            _summarise(page(audited.record), Path("a"))
        lines = [line for line in re.sub("\x1b[^m]*m", "", capture.get()).splitlines() if line]
        assert not [line for line in lines if len(line) > 80], audited.name
        # The same words as on one line.
        printed = audited.printed["run"].partition("Report: ")[0]
        known = set(printed.split())
        assert not {word for line in lines[:-2] for word in line.split()} - known, audited.name


# -- what did not run, and what corrects nothing -----------------------------------------------------------------------


def test_a_check_that_did_not_finish_is_named_in_the_verdict(tmp_path):
    record = audit(tmp_path, [message("a", text="fine")], Planted(), Fails())
    assert "1 of 2 checks did not finish: fails" in page(record).reasons
    verdict = decide(record, Gate((Limit(target="planted", max_count=0),)), None, date(2026, 1, 1))
    assert '<testcase classname="checks" name="fails">' in junit(record, verdict)


def test_no_output_names_a_single_check_or_rule():
    names = set(registry.checks()) | {rule.id for check in registry.checks().values() for rule in check.rules}
    for path in sorted((Path(__file__).parents[1] / "reports").rglob("*")):
        if path.suffix not in (".py", ".js", ".j2", ".css"):
            continue
        text = path.read_text(encoding="utf-8")
        assert not [name for name in names if re.search(rf"\b{re.escape(name)}\b", text)], path
        if path.suffix == ".py":
            strings = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
            assert not names & {string for string in strings if isinstance(string, str)}, path
