"""The commands that write for other people and tools: limitations, sample, judge, export gx."""

import csv
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from building import audit, message, uid, write
from cases import case
from chataudit import Record
from chataudit.audit.commands.app import app
from chataudit.checks.base.statistics.intervals import true_rate
from chataudit.reports.record import JUDGED
from chataudit.reports.redact import redacted
from chataudit.reports.statements.card import BEGIN, END
from planting import Planted, alone
from typer.testing import CliRunner

FORMS = ("markdown", "latex", "card", "croissant", "datasheet")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Audit 30 trees of a prompt and an answer, in 6 of which both have one role."""
    folder = tmp_path_factory.mktemp("made")
    rows = []
    for k in range(30):
        tree = {"message_tree_id": uid(f"t{k}")}
        rows.append(message(f"t{k}", **tree))
        rows.append(message(f"t{k}a", f"t{k}", role="prompter" if k < 6 else "assistant", **tree))
    audit(folder, rows, "schema_invariants", "prompt_parroting").write(folder / "a")
    return folder


@pytest.fixture
def call(made, tmp_path, monkeypatch):
    """Return the command in a folder of its own, with a copy of the audit in `a`."""
    shutil.copytree(made / "a", tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def table(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fill(path, says):
    rows = table(path)
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "is_fault": says(row)} for row in rows)


# -- limitations -----------------------------------------------------------------------------------------------------


def test_limitations_are_printed_or_written_the_same(call):
    for form in FORMS:
        with case(form):
            printed = call("limitations", "a", "--as", form)
            assert printed.exit_code == 0, printed.output
            assert printed.stdout == Record.read("a").limitations(form)
            written = call("limitations", "a", "--as", form, "--out", f"{form}.txt")
            assert (written.exit_code, written.output) == (0, "")
            assert Path(f"{form}.txt").read_text(encoding="utf-8") == printed.stdout


def test_limitations_are_markdown_by_default(call):
    assert call("limitations", "a").stdout.startswith("## Limitations\n")


def test_an_unknown_form_is_refused_and_the_known_are_named(call):
    done = call("limitations", "a", "--as", "word", "--out", "o.txt")
    assert done.exit_code == 2
    assert f"unknown form 'word'. Available: {', '.join(FORMS)}" in done.output
    assert not Path("o.txt").exists()


def test_an_existing_file_is_not_overwritten(call):
    for form in [form for form in FORMS if form != "card"]:
        with case(form):
            Path("o.txt").write_text("mine")
            done = call("limitations", "a", "--as", form, "--out", "o.txt")
            assert done.exit_code == 2
            assert "o.txt already exists. Name another file" in done.output
            assert Path("o.txt").read_text() == "mine"


def test_a_folder_without_an_audit_is_refused(call):
    Path("empty").mkdir()
    done = call("limitations", "empty")
    assert done.exit_code == 2
    assert "contains no record.json" in done.output


def test_the_section_is_added_to_a_readme_and_replaced_later(call):
    Path("README.md").write_text("---\nlicense: mit\n---\n\n# Ours\n", encoding="utf-8")
    assert call("limitations", "a", "--as", "card", "--out", "README.md").exit_code == 0
    once = Path("README.md").read_text(encoding="utf-8")
    assert once.startswith("---\nlicense: mit\nlanguage:\n- en\n")
    assert once.count(BEGIN) == once.count(END) == 1
    Path("README.md").write_text(once + "\nMore words.\n", encoding="utf-8")
    assert call("limitations", "a", "--as", "card", "--out", "README.md").exit_code == 0
    assert Path("README.md").read_text(encoding="utf-8") == once + "\nMore words.\n"
    assert sorted(path.name for path in Path().iterdir()) == ["README.md", "a"]


def test_a_readme_with_one_mark_only_does_not_change(call):
    Path("README.md").write_text(f"# Ours\n{BEGIN}\n", encoding="utf-8")
    done = call("limitations", "a", "--as", "card", "--out", "README.md")
    assert done.exit_code == 2
    assert "Leave one pair, or none" in done.output
    assert Path("README.md").read_text(encoding="utf-8") == f"# Ours\n{BEGIN}\n"


def test_a_readme_with_crlf_keeps_its_line_ends(call):
    before = b"---\r\nlicense: mit\r\n---\r\n\r\n# Ours\r\n\r\nWords."
    Path("README.md").write_bytes(before)
    call("limitations", "a", "--as", "card", "--out", "README.md")
    assert b"\r\n\r\n# Ours\r\n\r\nWords." in Path("README.md").read_bytes()


def test_an_empty_readme_is_filled(call):
    Path("README.md").touch()
    assert call("limitations", "a", "--as", "card", "--out", "README.md").exit_code == 0


def test_a_readme_that_is_no_utf8_is_refused(call):
    Path("README.md").write_bytes(b"# \xff\n")
    done = call("limitations", "a", "--as", "card", "--out", "README.md")
    assert done.exit_code == 2
    assert "README.md" in done.output


def test_a_readme_keeps_its_rights_and_stays_a_link(call):
    Path("real.md").write_text("# Ours\n")
    Path("real.md").chmod(0o640)
    Path("README.md").symlink_to("real.md")
    call("limitations", "a", "--as", "card", "--out", "README.md")
    assert Path("README.md").is_symlink()
    assert BEGIN in Path("real.md").read_text(encoding="utf-8")
    assert Path("real.md").stat().st_mode & 0o777 == 0o640


# -- sample and judge ------------------------------------------------------------------------------------------------


def test_sample_writes_a_table_and_prints_the_next_step(call):
    done = call("sample", "a", "--check", "schema_invariants", "-n", "20")
    assert done.exit_code == 0, done.output
    assert done.output.strip() == (
        "schema_invariants.sample.csv: 6 flagged messages, 14 not flagged\n"
        "Fill in the column is_fault with yes or no, then run\n"
        "  chataudit judge a schema_invariants.sample.csv"
    )
    rows = table("schema_invariants.sample.csv")
    assert len(rows) == 20
    assert {row["is_fault"] for row in rows} == {""}
    assert all(row["text"].startswith("The text of message t") for row in rows)


def test_the_same_seed_writes_the_same_table_and_none_is_written_over(call):
    for name, seed in (("x", 1), ("y", 1), ("z", 2)):
        call("sample", "a", "--check", "schema_invariants", "-n", "20", "--seed", seed, "--out", f"{name}.csv")
    assert Path("x.csv").read_bytes() == Path("y.csv").read_bytes() != Path("z.csv").read_bytes()
    done = call("sample", "a", "--check", "schema_invariants", "-n", "20", "--out", "x.csv")
    assert done.exit_code == 2
    assert "x.csv already exists" in done.output


def test_a_sample_that_cannot_be_drawn_is_one_error_and_no_table(call):
    for words, expected in [
        (["--check", "near_duplicates"], "check 'near_duplicates' was not run; this audit ran schema_invariants"),
        (["--check", "schema_invariants", "-n", "1"], "-n: 1 is below 2"),
        (["--check", "schema_invariants", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
    ]:
        with case(words, expected):
            done = call("sample", "a", *words)
            assert done.exit_code == 2, done.output
            assert expected in done.output
            assert not list(Path().glob("*.csv"))


def test_a_sample_needs_a_check(call):
    assert call("sample", "a").exit_code == 2


def test_a_sample_of_a_redacted_audit_is_refused(call):
    redacted(Record.read("a")).write("r")
    done = call("sample", "r", "--check", "schema_invariants")
    assert done.exit_code == 2
    assert "this audit is redacted" in done.output


def test_sources_that_moved_are_named_behind_the_audit(call, made):
    shutil.copy(made / "data.jsonl", "moved.jsonl")
    done = call("sample", "a", "moved.jsonl", "--check", "schema_invariants", "-n", "4")
    assert done.exit_code == 0, done.output


def judge(call, says, check="schema_invariants", n=100):
    call("sample", "a", "--check", check, "-n", n, "--out", f"{check}.csv")
    fill(f"{check}.csv", says)
    return call("judge", "a", f"{check}.csv")


def test_verdicts_of_all_messages_give_precision_recall_and_rate_without_chance(call):
    # 6 of 60 messages are flagged; people call 3 of these and none of the others faults.
    order = iter(range(6))
    done = judge(call, lambda row: "no" if row["stratum"] == "not flagged" else "yes" if next(order) < 3 else "no")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "schema_invariants: 60 labels",
        "precision          50.0 %  95 % CI 50.0-50.0",
        "recall              100 %  95 % CI 100-100",
        "true rate           5.0 %  95 % CI 5.0-5.0",
        "flagged rate       10.0 %",
        "  schema_invariants/role_alternation: 3 of 6 labelled messages are faults; 6 in all",
        "  not flagged: 0 of 54 labelled messages are faults; 54 in all",
    ]


def test_estimates_are_saved_and_appear_in_rates_and_limitations(call):
    done = judge(call, lambda row: "yes" if row["stratum"] != "not flagged" else "no", n=20)
    kept = Record.read("a").judgements["schema_invariants"]
    precision, recall, rate = true_rate(list(kept.strata.values()))
    assert (precision.value, recall.value, rate.value) == (1, 1, pytest.approx(0.1))
    for name, estimate in (("precision", precision), ("recall", recall), ("true rate", rate)):
        (line,) = [line for line in done.output.splitlines() if line.startswith(name)]
        value, low, high = re.fullmatch(r"\D+([\d.]+) %  95 % CI ([\d.]+)-([\d.]+)", line).groups()
        numbers = [float(word) / 100 for word in (value, low, high)]
        assert numbers == pytest.approx(list(estimate), abs=6e-4)
    assert f"{100 * rate.value:.1f} % (" in call("rates", "a").output
    assert "People labelled a random sample of 6 flagged and 14 other messages" in call("limitations", "a").output


def test_rows_without_a_label_are_counted(call):
    done = judge(call, lambda row: "yes" if row["stratum"] != "not flagged" else "", n=20)
    lines = done.output.splitlines()
    assert lines[0] == "schema_invariants: 6 labels, 14 rows without a label"
    assert lines[1].split()[:2] == ["precision", "100"]
    assert lines[2].split()[:2] == ["recall", "unknown"]


def test_verdicts_on_a_second_check_leave_those_on_the_first(call):
    judge(call, lambda row: "no", "schema_invariants", 10)
    judge(call, lambda row: "no", "prompt_parroting", 10)
    assert set(json.loads(Path("a", JUDGED).read_text())) == {"schema_invariants", "prompt_parroting"}


def test_verdicts_on_a_check_replace_older_ones(call):
    judge(call, lambda row: "no", n=10)
    Path("schema_invariants.csv").unlink()
    judge(call, lambda row: "no", n=20)
    strata = Record.read("a").judgements["schema_invariants"].strata
    assert sum(stratum.drawn for stratum in strata.values()) == 20


@pytest.mark.parametrize("verdict", ["", "perhaps"])
def test_a_table_without_verdicts_or_with_other_words_changes_nothing(call, verdict):
    judge(call, lambda row: "no", n=10)
    before = Path("a", JUDGED).read_bytes()
    Path("schema_invariants.csv").unlink()
    done = judge(call, lambda row: verdict, n=10)
    assert done.exit_code == 2
    assert "is_fault" in done.output
    assert Path("a", JUDGED).read_bytes() == before


def test_a_table_of_nothing_but_its_head_is_refused(call):
    call("sample", "a", "--check", "schema_invariants", "--out", "s.csv")
    Path("s.csv").write_text(Path("s.csv").read_text(encoding="utf-8").splitlines()[0] + "\n")
    assert call("judge", "a", "s.csv").exit_code == 2


def test_a_table_that_does_not_exist_is_an_error(call):
    done = call("judge", "a", "none.csv")
    assert done.exit_code == 2
    assert "none.csv: no such file" in done.output


# -- export ----------------------------------------------------------------------------------------------------------


def test_export_gx_writes_flags_a_suite_and_a_runner_into_a_new_folder(call):
    done = call("export", "gx", "a")
    assert done.exit_code == 0, done.output
    assert done.output.strip() == "Run the suite: python a.gx/run_gx.py, or with --spark"
    assert sorted(path.name for path in Path("a.gx").iterdir()) == ["flags.parquet", "run_gx.py", "suite.json"]
    flags = pq.read_table("a.gx/flags.parquet")
    assert flags["schema_invariants"].to_pylist().count(True) == 6
    assert flags.num_rows == 60
    compile(Path("a.gx/run_gx.py").read_text(encoding="utf-8"), "run_gx.py", "exec")


def test_export_gx_writes_over_nothing(call):
    call("export", "gx", "a")
    before = Path("a.gx/suite.json").read_bytes()
    assert call("export", "gx", "a").exit_code == 0
    assert Path("a.gx-2/suite.json").exists()
    assert Path("a.gx/suite.json").read_bytes() == before
    done = call("export", "gx", "a", "--out", "a.gx")
    assert done.exit_code == 2
    assert "a.gx" in done.output


def test_limits_of_the_gate_become_how_many_must_be_fine(call):
    Path("c.toml").write_text("[gate.schema_invariants]\nmax_rate = 0.2\n")
    assert call("export", "gx", "a", "--config", "c.toml", "--out", "o").exit_code == 0
    shown = json.loads(Path("o/suite.json").read_text())["expectations"]
    mostly = {each["kwargs"]["column"]: each["kwargs"]["mostly"] for each in shown if "value_set" in each["kwargs"]}
    assert (mostly["schema_invariants"], mostly["prompt_parroting"]) == pytest.approx((0.8, 1))


def test_export_without_a_target_or_of_no_audit_is_refused(call):
    assert call("export", "spark", "a").exit_code == 2
    Path("empty").mkdir()
    done = call("export", "gx", "empty", "--out", "o")
    assert done.exit_code == 2
    assert "contains no record.json" in done.output
    assert not Path("o").exists()


def test_a_hostile_name_is_no_markup_in_the_terminal(call, tmp_path):
    (tmp_path / "d").mkdir()
    audit(tmp_path / "d", alone("FAULT", "fine"), Planted()).write("[red]x[\x1b]")
    done = call("export", "gx", "[red]x[\x1b]", "--out", "[bold]o")
    assert done.exit_code == 0, done.output
    assert "[bold]o" in done.output
    assert "\x1b" not in done.output
    done = call("sample", "[red]x[\x1b]", "--check", "planted")
    assert "[red]x[⟦U+001B⟧]" in done.output
    write(tmp_path / "junk.csv", ["a,b"])
    assert "\x1b" not in call("judge", "[red]x[\x1b]", "junk.csv").output
