"""schema_invariants against slow and obvious versions of its rules, on random broken data."""

import json
import tempfile
import unicodedata
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from building import audit, batch, message, write
from chataudit.audit.run import run
from chataudit.checks.base.messages import Batch
from chataudit.checks.schema_invariants.check import SchemaInvariants
from hypothesis import example, given, settings
from hypothesis import strategies as st

CHECK = SchemaInvariants()


def findings_of(data: Batch) -> list[dict[str, Any]]:
    """Return the findings of all stages over one batch, without files in between."""
    first, *later = CHECK.stages()
    result = first.run(data)
    tables = [result.findings]
    tables += [stage.run(*(result.rows[name] for name in stage.takes)).findings for stage in later]
    return pa.concat_tables(tables).to_pylist()


# -- links, roles, ranks ---------------------------------------------------------------------------------------------


class Turn(NamedTuple):
    """A message, as far as these rules look at it; its line is its place in the list, from 1."""

    id: str | None
    parent: str | None
    tree: str | None = "t0"
    role: str | None = "assistant"
    rank: int | None = None
    waits: bool = False  # in the prompt lottery


def as_batch(turns: list[Turn]) -> Batch:
    return batch(
        {
            "message_id": turn.id,
            "parent_id": turn.parent,
            "message_tree_id": turn.tree,
            "role": turn.role,
            "rank": turn.rank,
            "lang": "en",
            "text": f"text {line}",
            "tree_state": "prompt_lottery_waiting" if turn.waits else "growing",
        }
        for line, turn in enumerate(turns, 1)
    )


COMPARED = (
    "self_parent",
    "cycle",
    "dangling_parent",
    "parent_in_other_tree",
    "duplicate_id",
    "duplicate_tree",
    "one_root",
    "tree_id",
    "role_alternation",
    "root_role",
    "unknown_role",
    "unanswered_thread",
    "order",
    "rank_of_prompter",
    "rank_range",
    "rank_tie",
    "rank_gap",
)


def expected(turns: list[Turn]) -> dict[str, list[int]]:
    """Return the lines that each rule reports, by the words of the rules and nothing faster."""
    reported: dict[str, list[int]] = {rule: [] for rule in COMPARED}
    lines = range(1, len(turns) + 1)
    turn = dict(zip(lines, turns, strict=True))

    # A message without a tree id is a tree of its own.
    tree_of = {line: ("named", turn[line].tree) if turn[line].tree is not None else ("alone", line) for line in lines}
    members: dict[Any, list[int]] = defaultdict(list)
    for line in lines:
        members[tree_of[line]].append(line)

    # Where an id occurs twice in a tree, the first has it and the others are copies.
    first_with: dict[Any, int] = {}
    copies = set()
    for line in lines:
        if turn[line].id is not None:
            key = (tree_of[line], turn[line].id)
            if key in first_with:
                copies.add(line)
            first_with.setdefault(key, line)
    parent: dict[int, int | None] = {}
    for line in lines:
        wanted = turn[line].parent
        parent[line] = None if wanted is None else first_with.get((tree_of[line], wanted))
    roots = [line for line in lines if turn[line].parent is None]

    def way_up(line: int) -> list[int]:
        """Return the message, its parent, and so on, until the top or until a message comes again."""
        way = [line]
        while (up := parent[way[-1]]) is not None and up not in way:
            way.append(up)
        return way

    def ends_in_circle(line: int) -> bool:
        return parent[way_up(line)[-1]] is not None

    def is_repeated(tree: Any) -> bool:
        """Whether a tree of several messages is there several times as a whole."""
        counts = Counter(turn[line].id for line in members[tree])
        return None not in counts and len(counts) > 1 and len(set(counts.values())) == 1

    # Links
    ids_anywhere = {t.id for t in turns if t.id is not None}
    for line in lines:
        t = turn[line]
        if t.id is not None and t.id == t.parent:
            reported["self_parent"].append(line)
        if t.parent is not None and parent[line] is None and t.tree is not None:
            reported["parent_in_other_tree" if t.parent in ids_anywhere else "dangling_parent"].append(line)
        if t.id is not None and any(turn[earlier].id == t.id for earlier in range(1, line)):
            if line not in copies or not is_repeated(tree_of[line]):
                reported["duplicate_id"].append(line)
            elif t.id == turn[members[tree_of[line]][0]].id:
                reported["duplicate_tree"].append(line)
    rings = {frozenset(way_up(line)) for line in lines if parent[way_up(line)[-1]] == line}
    reported["cycle"] = sorted(min(ring) for ring in rings if len(ring) > 1)

    # Roots
    for tree, rows in members.items():
        own_roots = [line for line in rows if line in roots and line not in copies]
        if tree[0] == "alone":
            continue
        if not own_roots:
            continue
        reported["one_root"] += own_roots[1:]
        root = turn[own_roots[0]]
        if root.id is not None and root.id != root.tree:
            reported["tree_id"].append(own_roots[0])

    # Roles
    for line in lines:
        role, up = turn[line].role, parent[line]
        if role is None:
            continue
        if role not in ("prompter", "assistant"):
            reported["unknown_role"].append(line)
        elif (
            up is not None
            and turn[up].role == role
            and parent[way_up(line)[-1]] != line
            # An answer below an answer that starts the conversation has one cause with that.
            and (role == "prompter" or up not in roots)
        ):
            reported["role_alternation"].append(line)
        if line in roots and role == "assistant":
            reported["root_role"].append(line)
        # A copy has no replies of its own: they are those of the first. Without an id, nobody can answer by name.
        is_answered = any(parent[reply] == line for reply in lines) or turn[line].id is None
        if role == "prompter" and not is_answered and not turn[line].waits and line not in copies:
            reported["unanswered_thread"].append(line)

    # Order: every message behind its parent, and every branch in one piece.
    for rows in members.values():
        if any(ends_in_circle(line) for line in rows):
            continue
        rows = [line for line in rows if line not in copies]
        place = {line: k for k, line in enumerate(rows)}
        in_order = all(parent[line] is None or place[parent[line]] < place[line] for line in rows)
        for top in rows:
            branch = [place[line] for line in rows if top in way_up(line)]
            in_order = in_order and max(branch) - min(branch) + 1 == len(branch)
        if not in_order:
            reported["order"].append(rows[0])

    # Ranks
    rivals: dict[int, list[int]] = defaultdict(list)
    for line in lines:
        rank = turn[line].rank
        if rank is None or line in copies:
            continue
        if turn[line].role == "prompter" and line not in reported["role_alternation"]:
            reported["rank_of_prompter"].append(line)
        if rank < 0:
            reported["rank_range"].append(line)
        elif turn[line].role == "assistant" and parent[line] is not None:
            rivals[parent[line]].append(line)
    for siblings in rivals.values():
        for k, line in enumerate(siblings):
            if any(turn[line].rank == turn[earlier].rank for earlier in siblings[:k]):
                reported["rank_tie"].append(line)
        ranks = sorted({turn[line].rank for line in siblings})
        if ranks != list(range(len(ranks))):
            reported["rank_gap"].append(next(line for line in siblings if turn[line].rank == ranks[0]))
    return {rule: sorted(found) for rule, found in reported.items()}


def found(turns: list[Turn]) -> dict[str, list[int]]:
    """Return the lines that each rule reports in the check; of an order, the first line of its tree."""
    reported: dict[str, list[int]] = {rule: [] for rule in COMPARED}
    trees = [turn.tree for turn in turns]
    for finding in findings_of(as_batch(turns)):
        rule = finding["rule"].partition("/")[2]
        if rule in reported:
            reported[rule].append(trees.index(finding["tree_id"]) + 1 if rule == "order" else finding["line"])
            assert finding["message_id"] == turns[finding["line"] - 1].id
            assert finding["spans"][0]["line"] == finding["line"]
    return {rule: sorted(lines) for rule, lines in reported.items()}


ROLES = st.sampled_from(["prompter", "assistant", "prompter", "assistant", "prompter", "assistant", "system", None])
RANKS = st.sampled_from([None, None, 0, 0, 1, 1, 2, 3, -1])


@st.composite
def scrambled(draw: st.DrawFn) -> list[Turn]:
    """Draw messages that link to anything: themselves, each other, other trees, nothing."""
    n = draw(st.integers(1, 10))
    names = [f"t{k}" for k in range(n)]
    links = st.sampled_from([*names, *names, None, "nowhere"])
    ids = [draw(st.sampled_from([name] * 12 + [names[0], names[-1], None])) for name in names]
    some = st.sampled_from(["t0", "t0", "t0", "t0", "t0", "t1", "t1", None])
    turns = [
        Turn(name, draw(links), draw(some), draw(ROLES), draw(RANKS), draw(st.sampled_from([False, False, True])))
        for name in ids
    ]
    return draw(st.permutations(turns))


@st.composite
def nearly_whole(draw: st.DrawFn) -> list[Turn]:
    """Draw one or two trees in depth-first order and with roles that alternate; then a few things are changed."""
    turns: list[Turn] = []
    for tree in range(draw(st.integers(1, 2))):
        branch: list[int] = []  # the way down to the message before
        start = len(turns)
        for k in range(draw(st.integers(1, 9))):
            del branch[draw(st.integers(1, max(1, len(branch)))) :]
            up = turns[branch[-1]].id if branch else None
            role = ("prompter", "assistant")[len(branch) % 2]
            turns.append(Turn(f"t{tree}" if k == 0 else f"t{tree}.{k}", up, f"t{tree}", role))
            branch.append(start + k)
    names = [turn.id for turn in turns]
    for _ in range(draw(st.integers(0, 3))):
        at, to = draw(st.integers(0, len(turns) - 1)), draw(st.integers(0, len(turns) - 1))
        change = draw(st.sampled_from(["move", "move", "swap", "copy", "drop", "link", "role", "rank", "tree"]))
        if change == "move":
            turns.insert(to, turns.pop(at))
        elif change == "swap":
            turns[at], turns[to] = turns[to], turns[at]
        elif change == "copy":
            turns.insert(to, turns[at])
        elif change == "drop" and len(turns) > 1:
            turns.pop(at)
        elif change == "link":
            turns[at] = turns[at]._replace(parent=draw(st.sampled_from([*names, None])))
        elif change == "role":
            turns[at] = turns[at]._replace(role=draw(ROLES))
        elif change == "rank":
            turns = [turn._replace(rank=draw(RANKS)) for turn in turns]
        elif change == "tree":
            turns[at] = turns[at]._replace(tree=draw(st.sampled_from(["t0", "t1", None])))
    return turns


def test_the_slow_version_finds_what_a_reader_finds():
    turns = [
        Turn("t0", None, role="prompter"),
        Turn("a", "t0", rank=1),
        Turn("b", "t0", rank=1),
        Turn("c", "a", role="prompter"),  # behind b, the sibling of a
        Turn("d", "d"),
        Turn("e", "f"),
        Turn("f", "e", role="prompter"),
        Turn("x", "a", tree="t1"),
        Turn("y", "gone", tree="t1"),
        Turn("y", None, tree="t1"),
    ]
    reported = {rule: lines for rule, lines in expected(turns).items() if lines}
    assert reported == {
        "rank_tie": [3],
        "rank_gap": [2],
        "unanswered_thread": [4],
        "self_parent": [5],
        "cycle": [6],
        "parent_in_other_tree": [8],
        "dangling_parent": [9],
        "duplicate_id": [10],
        "root_role": [10],
    }
    assert expected(turns[:4])["order"] == [1]
    assert expected([turns[0], turns[1], turns[3], turns[2]])["order"] == []


@given(scrambled())
@settings(max_examples=200)
def test_messages_that_link_at_random_are_reported_as_the_slow_version_reports_them(turns):
    assert found(turns) == expected(turns)


@given(nearly_whole())
@settings(max_examples=200)
def test_trees_with_a_few_changes_are_reported_as_the_slow_version_reports_them(turns):
    assert found(turns) == expected(turns)


@given(nearly_whole() | scrambled(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_findings_do_not_depend_on_how_trees_and_rows_are_cut(turns, random):
    # What the stages may assume is whole trees, then rows that agree in their key, and no order of either.
    whole = as_batch(turns)
    trees = list(range(whole.n_trees))
    random.shuffle(trees)
    parts = [Batch(whole.messages.filter(pa.array(whole.tree == tree)), whole.form) for tree in trees]
    results = [CHECK.scan(part) for part in parts]
    _, linking, _ = CHECK.stages()
    rows = pa.concat_tables([linking.packed(name, result.rows[name]) for result in results for name in linking.takes])
    keys = rows["key"].unique().drop_null().to_pylist()
    results += [linking.run(*linking.unpacked(rows.filter(pc.equal(rows["key"], key)))) for key in keys]
    apart = pa.concat_tables([result.findings for result in results]).to_pylist()
    assert sorted(map(str, apart)) == sorted(map(str, findings_of(whole)))


# -- texts -----------------------------------------------------------------------------------------------------------

# What begins or ends a range that matters, in Unicode or in its bytes.
SPECIAL = "\x00\x07\x08\t\n\x0b\x0c\r\x0e\x1f \x7e\x7f\x80\x85\x9f\u00a0\u00ad\u00c2\u00ef\u0300\u07ff"
SPECIAL += "\u0800\u200b\u2028\u3000\ud7fb\ue000\uefff\uf8ff\ufeff\uffee\ufffc\ufffd"
SPECIAL += "\U00010000\U0001f642\U000e0001\U000f0000\U0010fffd"
# Characters that are not assigned are left out: Python and Arrow may know different versions of Unicode.
CHARACTERS = st.one_of(
    st.sampled_from("\ufffd\ufffd\ufffd\x00\x7f\x85\x9f\u00a0\u200b\t\n  aé字🙂"),
    st.sampled_from(SPECIAL),
    st.characters(exclude_categories=["Cs", "Cn"]),
)
# Not st.text: it draws from the set of the characters, and so most often letters.
TEXTS = st.lists(CHARACTERS, max_size=12).map("".join)


def is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] in "ZC"


def is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" and character not in "\t\n\r"


def expected_of_texts(texts: list[str | None]) -> set[tuple[str, int, int, int, str]]:
    """Return (rule, line, start, end, summary), character by character."""
    reported = set()
    for line, text in enumerate(texts, 1):
        if text is None:
            continue
        if all(is_invisible(character) for character in text):
            n = "1 character" if len(text) == 1 else f"{len(text)} characters"
            summary = f"No visible character in a text of {n}" if text else "Text is empty"
            reported.add(("empty_text", line, 0, len(text), summary))
        control = [k for k, character in enumerate(text) if is_control(character)]
        if control:
            n = "1 control character" if len(control) == 1 else f"{len(control)} control characters"
            reported.add(("control_characters", line, control[0], control[0] + 1, f"Text contains {n}"))
        lost = [k for k, character in enumerate(text) if character == "\ufffd"]
        if lost:
            n = "1 replacement character" if len(lost) == 1 else f"{len(lost)} replacement characters"
            reported.add(("replacement_characters", line, lost[0], lost[0] + 1, f"Text contains {n} (U+FFFD)"))
    return reported


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=8), st.integers(0, 3))
@settings(max_examples=200)
@example(["", None, "", "\x00"], 0)
@example(["\ufffd", "", None, "\ufffd"], 1)
@example([None, None], 0)
def test_characters_are_reported_as_a_walk_over_each_text_reports_them(texts, skipped):
    data = batch(message("a", text=text) for text in texts)
    # Also where the batch is a slice of a larger table.
    data.messages = data.messages.slice(skipped)
    reported = set()
    for finding in CHECK.scan(data).findings.to_pylist():
        rule = finding["rule"].partition("/")[2]
        if rule in ("empty_text", "control_characters", "replacement_characters"):
            (span,) = finding["spans"]
            reported.add((rule, finding["line"], span["start"], span["end"], finding["summary"]))
    assert reported == {claim for claim in expected_of_texts(texts) if claim[1] > skipped}


def test_every_control_character_of_unicode_is_known_and_no_other():
    texts = [chr(k) for k in range(0x3000)]
    texts += ["".join(map(chr, range(k, k + 512))) for k in range(0x3000, 0x110000, 512) if not 0xD800 <= k < 0xE000]
    reported = {
        finding["line"]
        for finding in CHECK.scan(batch({"text": text} for text in texts)).findings.to_pylist()
        if finding["rule"] == "schema_invariants/control_characters"
    }
    assert reported == {line for line, text in enumerate(texts, 1) if any(map(is_control, text))}
    assert len(reported) == 32 - 3 + 1 + 32


def test_a_quote_is_the_character_that_was_counted_to(tmp_path):
    text = "".join(character for character in SPECIAL if not is_control(character)) * 50 + "\x07"
    record = audit(tmp_path, [message("a"), message("b", "a", text=text)], CHECK)
    (row,) = (row for row in record.table.to_pylist() if row["rule"].endswith("control_characters"))
    (span,) = row["spans"]
    assert (span["start"], span["quote"]) == (len(text) - 1, "\x07")


# -- random records --------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["spam", "quality", "name", "value", "count", "toxicity", "+1"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=5)  # surrogates and all
    | st.sampled_from(["", "a", "x", "2023-02-07T17:29:24Z", "9999-12-31T23:59:59.999999Z", "0000-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | NAMES, inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.fixed_dictionaries({}, optional={"value": JSON, "count": JSON})
LISTS = st.fixed_dictionaries(
    {"name": st.lists(JSON | NAMES, max_size=3)},
    optional={"value": st.lists(JSON, max_size=3), "count": st.lists(JSON, max_size=3)},
)
IDS = st.sampled_from(["a", "b", "c", "d", None, "6ab24d72-0181-4594-a9cd-deaf170242fb"])
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "message_id": IDS,
    "parent_id": IDS,
    "message_tree_id": st.sampled_from(["a", "b", None]),
    "role": st.sampled_from(["prompter", "assistant"]),
    "lang": st.sampled_from(["en", "xx", "en-", "a-b-c-d", "i-default", "x", "en-x", "zh-Hant-TW"])
    | st.text(max_size=8),
    "text": TEXTS,
    "created_date": st.datetimes().map(lambda d: d.isoformat() + "Z") | st.text(max_size=8),
    "rank": st.integers(-2, 3) | st.integers(-(2**63), 2**63 - 1),
    "review_count": st.integers(-1, 1),
    "review_result": st.booleans(),
    "deleted": st.booleans(),
    "synthetic": st.booleans(),
    "model_name": st.text(max_size=3),
    "tree_state": st.sampled_from(["growing", "ready_for_export", "prompt_lottery_waiting", "?"]),
    "labels": st.dictionaries(NAMES, ENTRIES, max_size=3) | LISTS,
    "emojis": st.dictionaries(NAMES, st.integers(-1, 2), max_size=3) | LISTS,
    "detoxify": st.dictionaries(st.sampled_from(["toxicity", "threat", "other"]), st.floats(), max_size=3),
}
FLAT = st.fixed_dictionaries({}, optional={name: usual | usual | JSON for name, usual in USUAL.items()})
NODES = st.recursive(
    FLAT | JSON,
    lambda inner: st.builds(lambda row, replies: {**row, "replies": replies}, FLAT, st.lists(inner, max_size=3) | JSON),
    max_leaves=6,
)
RECORDS = {
    "oasst_messages": FLAT,
    "oasst_trees": st.fixed_dictionaries(
        {"prompt": NODES}, optional={"message_tree_id": IDS | JSON, "tree_state": JSON}
    ),
    "documents": st.fixed_dictionaries({}, optional={"id": IDS | JSON, "text": JSON, "lang": JSON, "context": JSON}),
    "instructions": st.fixed_dictionaries({}, optional={"instruction": JSON, "input": JSON, "output": JSON}),
}


@pytest.mark.parametrize("format", RECORDS)
@given(st.data())
@settings(max_examples=40)
def test_no_record_makes_the_check_fail(format, data):
    records = data.draw(st.lists(RECORDS[format], min_size=1, max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        # Escaped, so that halves of surrogate pairs can be written.
        path = write(Path(folder) / "data.jsonl", [json.dumps(record) for record in records])
        record = run(path, checks=[CHECK], format=format, engine="serial")
    (check,) = record.facts.checks
    assert check.error is None
    assert record.facts.errors == []
    assert check.checked == record.facts.messages
    for finding in record.table.to_pylist():
        assert all(0 <= span["start"] <= span["end"] for span in finding["spans"])


@given(st.lists(st.text(max_size=12) | st.text("abcdexi019-_", max_size=12), max_size=30))
@settings(max_examples=60)
def test_no_language_tag_makes_the_check_fail(tags):
    data = batch(message("a", lang=tag) for tag in tags)
    reported = [f["line"] for f in CHECK.scan(data).findings.to_pylist() if f["rule"].endswith("language_tag")]
    assert set(reported) <= set(range(1, len(tags) + 1))
    # A tag contains only letters, digits and hyphens, or the underscores that some write in their place.
    plain = [tag.replace("-", "").replace("_", "") for tag in tags]
    odd = {k for k, tag in enumerate(plain, 1) if not (tag.isascii() and tag.isalnum())}
    assert odd <= set(reported)


@given(st.lists(st.datetimes() | st.text(max_size=12), min_size=1, max_size=20))
@settings(max_examples=60)
def test_dates_are_read_to_the_microsecond_and_what_is_none_is_reported(values):
    texts = [value if isinstance(value, str) else value.isoformat() + "+00:00" for value in values]
    data = batch(message("a", created_date=text) for text in texts)
    micros, is_read = data.dates
    reported = [f["line"] for f in CHECK.scan(data).findings.to_pylist() if f["rule"].endswith("date_format")]
    for line, value in enumerate(values, 1):
        if isinstance(value, str):
            assert (line in reported) == (not is_read[line - 1])
        else:
            since = value - datetime(1970, 1, 1)
            assert is_read[line - 1]
            assert micros[line - 1] == (since.days * 86400 + since.seconds) * 10**6 + since.microseconds
            assert line not in reported
