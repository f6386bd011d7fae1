import re

import pytest
from building import audit, message, pages, write
from cases import case
from chataudit import run
from chataudit.checks.base.check import Check
from chataudit.reports.baseline import Baseline
from chataudit.reports.page.markdown import code, own, plain
from markdown_it import MarkdownIt

HOSTILE = "a|b `c` [d](e) <img src=x> https://evil.example **f** _g_ ~~h~~ $i$ &lt; ![j](k) \\ www.evil.example"


def summary(record, **more):
    return pages(record, **more)["summary.md"]


def parsed(text):
    """Return the kinds of all tokens of a text, and the words in it."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    flat = [each for token in tokens for each in (token, *(token.children or ()))]
    words = "".join(token.content for token in flat if token.type in ("text", "code_inline"))
    return {token.type for token in flat}, words


def spans(text):
    """Return the words in code spans, where nothing is linked and nobody is mentioned."""
    tokens = [each for token in MarkdownIt("commonmark").parse(text) for each in token.children or ()]
    return [token.content.strip() for token in tokens if token.type == "code_inline"]


CHECKS = ("schema_invariants", "benchmark_leakage", "lang_mismatch", "near_duplicates", "prompt_parroting")


@pytest.fixture
def record(tmp_path):
    return audit(tmp_path, [message("a"), message("b", "a", role="prompter")], *CHECKS)


def test_the_verdict_and_its_reasons_come_first(record):
    assert summary(record).splitlines()[:7] == [
        "# Audit of ` data.jsonl `",
        "",
        "**Errors found.** 1 error and 1 note.",
        "",
        "- 1 of 2 messages (50.0 %, 95 % CI 5.5-94.5) has a warning or an error: 1 with errors",
        "- 1 of 5 checks did not run: prompt_parroting (prompter message)",
        "- 1 × Reply has the same role as its parent (error, schema_invariants)",
    ]


def test_every_check_has_a_row_with_its_rate_and_interval(record):
    rows = [line for line in summary(record).splitlines() if line.startswith("|")]
    assert rows[2:] == [
        "| schema_invariants | 1 (50.0 %) | 5.5-94.5 % | 2 | 0 | 1 | 0 | 1 |",
        "| benchmark_leakage | 0 (0 %) | 0-79.3 % | 2 | 0 | 0 | 0 | 0 |",
        "| lang_mismatch | 0 (0 %) | 0-79.3 % | 2 | 0 | 0 | 0 | 0 |",
        "| near_duplicates | 0 (0 %) | 0-79.3 % | 2 | 0 | 0 | 0 | 0 |",
        "| prompt_parroting | did not run |  | 0 | 2 | 0 | 0 | 0 |",
    ]


def test_rules_that_were_broken_are_listed_below_their_check(record):
    assert (
        "## schema_invariants\n\n"
        "- 1 × Reply has the same role as its parent (error, `schema_invariants/role_alternation`)\n"
        "- 1 × Thread ends without an answer (note, `schema_invariants/unanswered_thread`)\n"
    ) in summary(record)
    assert "## near_duplicates" not in summary(record)


def test_it_states_how_sure_it_is_and_where_the_evidence_is(record):
    text = summary(record)
    assert "- near_duplicates: Similarities are computed exactly" in text
    assert "Evidence: report.html and findings.parquet. Made by chataudit " in text


def test_an_incomplete_audit_is_called_incomplete(tmp_path):
    (tmp_path / "data.jsonl").write_bytes(b"\xff\xfe{")
    text = summary(run(tmp_path / "data.jsonl", format="oasst_messages", engine="serial"))
    assert "**Incomplete.** No message could be read." in text
    assert "| schema_invariants | did not run |  | 0 | 0 | 0 | 0 | 0 |" in text


def test_a_baseline_is_compared_check_by_check(record):
    text = summary(record, baseline=Baseline.of(record, record))
    assert "Compared with the audit of 20" in text
    assert "Compared with the baseline: 0 new, 2 known, 0 fixed since the baseline." in text
    assert "baseline" not in summary(record)


def test_words_of_the_data_have_no_meaning():
    kinds, words = parsed(plain(HOSTILE))
    assert kinds == {"paragraph_open", "inline", "text", "paragraph_close"}
    assert words == HOSTILE
    # GitHub makes links of these where nothing is between.
    assert "https\\://evil" in plain(HOSTILE)
    assert "www\\.evil" in plain(HOSTILE)


def test_words_of_the_data_start_nothing_and_stay_on_one_line():
    for words in ["# a", "- a", "+ a", "a\n\n# b", "a\n- b", "a\r\n===", "> a", "```\na", "    a\n    b"]:
        with case(words):
            kinds, reported = parsed(plain(words))
            assert kinds <= {"paragraph_open", "inline", "text", "paragraph_close"}
            assert reported == " ".join(words.split())


def test_sentences_of_ours_keep_code_and_addresses_and_nothing_else_has_a_meaning():
    words = "See `max_gap * 2` and https://example.org/a_b: Korn & Graubard, 70 %."
    assert own(words) == words
    kinds, told = parsed(own(HOSTILE.replace("`c`", "c")))
    assert kinds == {"paragraph_open", "inline", "text", "paragraph_close"}
    assert told == HOSTILE.replace("`c`", "c")


def test_a_name_within_a_word_keeps_its_underscores():
    assert plain("schema_invariants") == "schema_invariants"


@pytest.mark.parametrize(
    "name", ["a|b.jsonl", "`a`.jsonl", "[a](b).jsonl", "<img src=x>.jsonl", "a\n\n# b\n\n|c|.jsonl"]
)
def test_the_name_of_a_file_has_no_meaning(tmp_path, record, name):
    path = write(tmp_path / name, [message("a"), message("b", "a", role="prompter")])
    text = summary(run(path, engine="serial"))
    assert parsed(text)[0] == parsed(summary(record))[0]
    headings = re.findall("^#.*", text, flags=re.MULTILINE)
    assert headings[1:] == ["## schema_invariants", "## Notes", "## Accuracy of the checks"]
    assert spans(headings[0]) == [" ".join(name.split())]


PERSONS = ["by @octocat", "mail bob@example.com"]


@pytest.mark.parametrize("words", PERSONS)
def test_no_person_is_named_or_linked_by_the_name_of_a_file(tmp_path, words):
    text = summary(run(write(tmp_path / f"{words}.jsonl", [message("a")]), engine="serial"))
    assert text.splitlines()[0] == f"# Audit of ` {words}.jsonl `"
    assert spans(text)[0] == f"{words}.jsonl"
    assert text.count("@") == sum(span.count("@") for span in spans(text)) == 1


class Fails(Check):
    """Fail."""

    name = "fails"
    rules = ()

    def __init__(self, words):
        self.words = words

    def scan(self, batch):
        raise RuntimeError(self.words)


@pytest.mark.parametrize("words", [*PERSONS, HOSTILE, "a `b` c"])
def test_no_person_is_named_or_linked_by_a_problem(tmp_path, words):
    text = summary(audit(tmp_path, [message("a")], Fails(words)))
    # As a problem of the audit, and below the check.
    problem, error = (span for span in spans(text) if f"RuntimeError: {words}" in span)
    assert problem == f"The check fails did not finish: {error}"
    assert text.count("@") == sum(span.count("@") for span in spans(text))


@pytest.mark.parametrize("words", PERSONS)
def test_no_person_is_named_or_linked_by_a_source_that_could_not_be_read(tmp_path, words):
    path = tmp_path / f"{words}.jsonl"
    path.write_bytes(b"\xff\xfe{")
    text = summary(run(path, format="oasst_messages", engine="serial"))
    assert "@" in text
    assert text.count("@") == sum(span.count("@") for span in spans(text))
    assert len([span for span in spans(text) if words in span]) == 2  # the title, and the problem


def test_words_in_a_code_span_are_as_they_were_on_one_line():
    for words in ["`", "``", "a`", "`a", "a ``` b `` c", "", " a\n b ", "\\", "@a `@b` @c"]:
        with case(words):
            text = code(words)
            assert "\n" not in text
            assert spans(text) == [" ".join(words.split())]
