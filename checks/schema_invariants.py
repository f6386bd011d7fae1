"""What must hold of every conversation tree, and is found broken.

A trainer walks a tree from root to leaf and trusts what it meets: that prompter and assistant take turns, that each
parent is there, that an id names one message, that labels lie in the range their card gives. Where one of these does
not hold, code fails late or, worse, learns from the wrong pair. The promises are those of the OASST data set card and
of its export code (https://huggingface.co/datasets/OpenAssistant/oasst1; Köpf et al. 2023, arXiv:2304.07327). Of chats
in other formats they are what a chat template takes for granted: a system message first, results of tools behind their
calls; and of preference pairs, two answers to one prompt that differ. A format is held only to what it promises itself
(`Form`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .base.check import ALL, Check, Method, Result, Stage
from .base.findings import ERROR, FINDINGS, NOTE, WARNING, Rule, Spans, claim, cover
from .base.messages import (
    CHAT_ROLES,
    DETOXIFY,
    PLACES,
    Batch,
    BoolArray,
    IntArray,
    as_bools,
    as_ints,
    entries,
    line_id,
    single,
)

LABEL_NAMES = (
    "spam",
    "fails_task",
    "lang_mismatch",
    "pii",
    "not_appropriate",
    "hate_speech",
    "sexual_content",
    "quality",
    "toxicity",
    "humor",
    "helpfulness",
    "creativity",
    "violence",
    "moral_judgement",
    "political_content",
)
TREE_STATES = (
    "initial_prompt_review",
    "growing",
    "ranking",
    "ready_for_scoring",
    "ready_for_export",
    "scoring_failed",
    "aborted_low_grade",
    "halted_by_moderator",
    "backlog_ranking",
    "prompt_lottery_waiting",
)
# In these states a prompt has no answer yet by design.
WAITING_STATES = ("prompt_lottery_waiting", "initial_prompt_review")

Claims = tuple[Rule, pa.Table]  # FINDINGS of one rule

RULES: dict[str, Rule] = {}


def _rule(name: str, title: str, severity: int, advice: str) -> Rule:
    rule = Rule(f"schema_invariants/{name}", title, severity, advice)
    RULES[name] = rule
    return rule


# Threads and trees
ROLE_ALTERNATION = _rule(
    "role_alternation",
    "A reply has the role of its parent",
    ERROR,
    "Drop the branch below, or mend the role: a model trained on it learns to answer itself.",
)
ROOT_ROLE = _rule(
    "root_role",
    "A conversation does not start with a prompt",
    ERROR,
    "Drop the tree, or restore the prompt that it answers.",
)
UNKNOWN_ROLE = _rule(
    "unknown_role",
    "The role is none of those that the format has",
    ERROR,
    "Map the role to one of these, or drop the branch.",
)
SYSTEM_FIRST = _rule(
    "system_first",
    "A system message stands behind other messages",
    WARNING,
    "Move it to the beginning, or into the next prompt: many chat templates refuse it or drop it.",
)
TOOL_RESULT = _rule(
    "tool_result",
    "A tool's result answers no call",
    ERROR,
    "Restore the call, or drop the result: a model trained on it learns to make results up.",
)
DUPLICATE_ID = _rule(
    "duplicate_id",
    "A message id stands more than once",
    ERROR,
    "Keep one of the messages. Replies cannot tell which of them they answer.",
)
DANGLING_PARENT = _rule(
    "dangling_parent",
    "The parent is nowhere in the data",
    ERROR,
    "Restore the parent or drop the branch; if the export was filtered on purpose, set filtered_export = true.",
)
PARENT_IN_OTHER_TREE = _rule(
    "parent_in_other_tree",
    "The parent belongs to another tree",
    ERROR,
    "Give both messages the tree id of their root.",
)
SELF_PARENT = _rule("self_parent", "A message is its own parent", ERROR, "Restore the parent id, or drop the branch.")
CYCLE = _rule(
    "cycle",
    "Messages are each other's ancestors",
    ERROR,
    "Drop the tree: code that walks up to the root never ends on it.",
)
ONE_ROOT = _rule("one_root", "A tree has no root, or several", ERROR, "Split the tree by root, or restore the parent.")
TREE_ID = _rule("tree_id", "The tree id is not the id of the root", ERROR, "Set message_tree_id to the root's id.")
UNANSWERED_THREAD = _rule(
    "unanswered_thread",
    "A thread ends without an answer",
    NOTE,
    "Cut the last prompt when threads are made into training examples.",
)
SAME_PAIR = _rule(
    "same_pair",
    "The chosen and the rejected answer are the same",
    ERROR,
    "Drop the pair: it says that an answer is better than itself.",
)
PAIR_PROMPT = _rule(
    "pair_prompt",
    "The chosen and the rejected answer do not share their prompt",
    WARNING,
    "Cut both sides down to answers of one prompt, or drop the pair: what is compared is more than two answers.",
)
ORDER = _rule(
    "order",
    "A tree's messages are not in depth-first order",
    NOTE,
    "Sort by tree, depth first, if readers rely on the order that the data set card promises.",
)
# Fields
MISSING_FIELD = _rule(
    "missing_field", "A required field is missing or null", ERROR, "Restore the field, or drop the message."
)
MISTYPED_FIELD = _rule(
    "mistyped_field", "A field is not of the type it should be", ERROR, "Write the field in the type of the data card."
)
MALFORMED_ID = _rule(
    "malformed_id", "An id is not a UUID, as the format promises", WARNING, "Check how the ids were made or cut."
)
LANGUAGE_TAG = _rule(
    "language_tag",
    "The language is no known BCP 47 tag",
    WARNING,
    "Use a tag such as en, pt-BR or zh (RFC 5646); und where the language is not known.",
)
EMPTY_TEXT = _rule("empty_text", "The text has no visible character", WARNING, "Drop the message or its branch.")
REPLACEMENT_CHARACTERS = _rule(
    "replacement_characters",
    "The text holds U+FFFD: characters were lost",
    WARNING,
    "Read the source again in its own encoding.",
)
CONTROL_CHARACTERS = _rule(
    "control_characters",
    "The text holds control characters",
    WARNING,
    "Remove them; they are no part of any language and confuse tokenisers and terminals.",
)
DATE_FORMAT = _rule(
    "date_format",
    "The date cannot be read, or has no time zone",
    WARNING,
    "Write dates as ISO 8601 with a zone, such as 2023-02-07T17:29:24+00:00.",
)
DATE_BEFORE_PARENT = _rule(
    "date_before_parent", "A reply is older than its parent", WARNING, "Check the clock, or the link to the parent."
)
DATE_IN_FUTURE = _rule(
    "date_in_future", "A date lies years after all others", WARNING, "Check the clock that wrote the date."
)
RANK_OF_PROMPTER = _rule("rank_of_prompter", "A prompt has a rank", WARNING, "Only rival answers are ranked.")
RANK_RANGE = _rule("rank_range", "A rank is negative", WARNING, "Ranks count from 0, the best.")
RANK_TIE = _rule("rank_tie", "Sibling answers share a rank", WARNING, "Leave tied pairs out of preference data.")
RANK_GAP = _rule("rank_gap", "The ranks of sibling answers have a gap", NOTE, "A ranked sibling was left out.")
LABEL_LENGTHS = _rule(
    "label_lengths", "Label names, values and counts differ in number", WARNING, "Export the labels again."
)
LABEL_RANGE = _rule(
    "label_range",
    "A label's value is outside [0, 1] or its count below 1",
    WARNING,
    "Export the labels again; a mean of votes lies in [0, 1].",
)
LABEL_NAME = _rule("label_name", "A label has an unknown name or stands twice", WARNING, "Map it to a known label.")
DETOXIFY_RANGE = _rule(
    "detoxify_range", "A Detoxify score is outside [0, 1]", WARNING, "Score the message again; these are probabilities."
)
EMOJI_COUNTS = _rule(
    "emoji_counts", "Emoji names and counts do not fit, or a count is below 1", WARNING, "Export the emojis again."
)
REVIEW_COUNT = _rule("review_count", "The number of reviews is negative", WARNING, "Export the review fields again.")
REVIEW_RESULT = _rule(
    "review_result",
    "A review has a result, but nobody reviewed",
    NOTE,
    "Do not count this message as reviewed.",
)
DELETED_IN_EXPORT = _rule(
    "deleted_in_export",
    "A deleted message stands in a tree that is ready for export",
    WARNING,
    "Drop the message with its branch: its author or a moderator took it back.",
)
TREE_STATE = _rule("tree_state", "The tree state is not a known one", WARNING, "Use a state of the OASST export.")
TREE_STATE_MIXED = _rule(
    "tree_state_mixed",
    "Messages of one tree are in different states",
    WARNING,
    "A tree has one state; export it again.",
)
LOTTERY_REPLIES = _rule(
    "lottery_replies", "A tree that waits in the prompt lottery has replies", WARNING, "Export the tree again."
)
SYNTHETIC_MODEL = _rule(
    "synthetic_model",
    "Synthetic without a model name, or the reverse",
    WARNING,
    "Say which model wrote the message; a person's message has none.",
)
# Lines
UNREADABLE_LINE = _rule(
    "unreadable_line", "A record could not be read, and is lost", ERROR, "Mend the line at the place that is named."
)
REPAIRED_LINE = _rule(
    "repaired_line",
    "A record could be read only after repair",
    WARNING,
    "Write strict JSON in UTF-8; other readers will refuse or misread this line.",
)
LINE_FORMAT = _rule(
    "line_format",
    "The file has a byte order mark, CRLF line ends or blank lines",
    NOTE,
    "JSON Lines want UTF-8 without a mark, LF, and one record a line.",
)

METHOD = Method(
    sure="Its rules are exact: it finds all faults that were planted in three releases of 20,000 messages each.",
    how=(
        "Each record is read strictly. What was lost, or could be read only after repair, is told with its line.",
        "Each tree is judged as a whole: parents, roots, circles, roles in turn, ranks, labels, dates and states. So "
        "are results of tools with their calls, and preference pairs.",
        "Ids and parents are then held against those of all trees in all files.",
        "A date is in the future if it lies years after the newest of the others. No clock is read.",
        "A format is held only to what it promises itself: where it has no roles, no role is judged.",
    ),
    blind=(
        "It judges the form and not the content: a label or a rank may be in its range and still be wrong.",
        "Fields that the format does not know are ignored.",
        "It cannot see whether a parent was lost or left out on purpose. A setting says so.",
        "Many messages that are dated late together count as a later collection. Dates that are all wrong by the same "
        "time are not seen.",
        "Where a file cannot be read to its end, the rest of it is not judged. The record names the file.",
    ),
    measured=(
        "Releases of 20,000 messages with planted faults, seeds 1 to 3: recall 1.0. What is flagged besides stands in "
        "the same trees, or does hold control characters.",
        "A rule is a definition and no estimate, so what a finding shows is its proof.",
    ),
    sources=(
        "Köpf et al. (2023), OpenAssistant Conversations: democratizing large language model alignment, "
        "arXiv:2304.07327.",
        "The data set card of OASST1, https://huggingface.co/datasets/OpenAssistant/oasst1.",
        "BCP 47 (RFC 5646), Tags for identifying languages, with the registry of IANA.",
        "ISO 8601, for dates and times.",
    ),
)

# Rows that the first stage hands on: every id that exists, every parent that its own tree does not hold, and the
# newest messages.
KNOWN, WANTED, DATED = 0, 1, 2
LINKS = pa.schema(
    [
        ("key", pa.string()),  # KNOWN, DATED: the message's id; WANTED: the id of the parent that is looked for
        ("kind", pa.int8()),
        ("date", pa.int64()),  # DATED: microseconds since 1970 in UTC
        *PLACES,
    ]
)

MAX_FUTURE = 100  # that many messages at most are told to lie in the future; more are no outliers
N_NEWEST = 2 * MAX_FUTURE + 1  # among so many, MAX_FUTURE are the minority
MICROSECONDS_PER_YEAR = 365.25 * 24 * 3600 * 1e6


@dataclass(frozen=True)
class SchemaInvariants(Check):
    """Flag trees, messages and records that break what the format promises."""

    name: ClassVar[str] = "schema_invariants"
    rules: ClassVar[Sequence[Rule]] = tuple(RULES.values())
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "scope": "whether the id stood before in the same tree or in another",
        "role": "role that both the message and its parent have",
    }

    off: tuple[str, ...] = ()  # names of rules that are not looked at
    filtered_export: bool = False  # parents were left out on purpose: their absence is a note
    max_future_years: float = 2.0  # a date later than all others by more is in the future

    def __post_init__(self) -> None:
        unknown = [name for name in self.off if name not in RULES]
        if unknown:
            raise ValueError(f"off: no rule {unknown[0]!r}; the rules are {', '.join(RULES)}")
        if not self.max_future_years > 0:
            raise ValueError(f"max_future_years: {self.max_future_years} is not above 0")

    def stages(self) -> Sequence[Stage]:
        """Whole trees; then ids and parents of all trees; then the newest messages of all."""
        return Stage(self.scan), Stage(self.link, by="key"), Stage(self.compare_dates, by=ALL)

    def severity(self, rule: Rule) -> int:
        """How bad a breach of this rule is under these settings."""
        # In a filtered export a parent, and with it a tree's root, is missing on purpose.
        return NOTE if self.filtered_export and rule in (DANGLING_PARENT, ONE_ROOT) else rule.severity

    def _findings(self, claims: Iterable[Claims]) -> pa.Table:
        tables = []
        for rule, table in claims:
            if self.severity(rule) != rule.severity:
                mild = pa.repeat(pa.scalar(self.severity(rule), pa.int8()), table.num_rows)
                table = table.set_column(table.schema.get_field_index("severity"), FINDINGS.field("severity"), mild)
            if rule.name not in self.off:
                tables.append(table)
        return pa.concat_tables(tables) if tables else FINDINGS.empty_table()

    # -- first stage: whole trees ------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Judge what can be told from whole trees; hand on ids, open parents and the newest dates."""
        judges = (links, roles, tools, pairs, ranks, states, fields, texts, labels, dates) if len(batch) else ()
        found = self._findings(claims for judge in (*judges, reading_faults) for claims in judge(batch))
        return Result(found, cover(batch.judged), rows=_link_rows(batch))

    # -- second stage: ids and parents over all trees ----------------------------------------------------------------

    def link(self, rows: pa.Table) -> Result:
        """Find ids that stand more than once, and parents that are nowhere or in another tree."""
        known, wanted, dated = (rows.filter(pc.equal(rows["kind"], kind)) for kind in (KNOWN, WANTED, DATED))
        return Result(self._findings([*_copies(known), *_open_parents(known, wanted)]), rows=dated)

    # -- third stage: the newest messages of all ---------------------------------------------------------------------

    def compare_dates(self, rows: pa.Table) -> Result:
        """Find the few messages whose dates lie years after all the others'.

        The newest N_NEWEST messages of all are among the newest of each batch, so the outcome does not depend on
        how the data were cut. Where more than MAX_FUTURE lie beyond the gap, they are a later collection, not a slip.
        """
        newest = rows.sort_by([("date", "descending"), ("source", "ascending"), ("line", "ascending")]).slice(
            0, N_NEWEST
        )
        dates = np.asarray(newest["date"], dtype=np.int64)
        gaps = np.flatnonzero(dates[:-1] - dates[1:] > self.max_future_years * MICROSECONDS_PER_YEAR)
        # Of few messages, the lesser part: one date of 1970 does not put all others into the future.
        gaps = gaps[gaps < min(MAX_FUTURE, (len(dates) - 1) // 2)]
        n_late = int(gaps[-1]) + 1 if gaps.size else 0
        late = np.arange(n_late)
        years = [(dates[r] - dates[n_late]) / MICROSECONDS_PER_YEAR for r in late]
        claims = _claims(
            newest, DATE_IN_FUTURE, late, [f"The date lies {y:.1f} years after the newest of the others" for y in years]
        )
        return Result(self._findings(claims))


def _claims(
    places: pa.Table,
    rule: Rule,
    rows: IntArray,
    summaries: str | Sequence[str],
    *,
    spans: Sequence[Spans] = (),
    facets: Sequence[dict[str, str]] | None = None,
    about: Sequence[str] | None = None,
) -> list[Claims]:
    """One rule's claims, or none where there are no rows."""
    if not len(rows):
        return []
    return [(rule, claim(places, rule, rows, summaries, spans=spans, facets=facets, about=about))]


# -- over all trees: a part of the link rows in, claims out ------------------------------------------------------------

_LINK_ORDER = [(name, "ascending") for name in ("key", "source", "line", "n_chars")]


def _copies(known: pa.Table) -> list[Claims]:
    """Ids that stand more than once."""
    counts = pc.value_counts(known["key"])
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(repeated):
        return []
    copies = _named(known.filter(pc.is_in(known["key"], value_set=repeated))).sort_by(_LINK_ORDER)
    keys = np.array(copies["key"].to_pylist(), dtype=object)
    first = np.maximum.accumulate(np.where(np.append(True, keys[1:] != keys[:-1]), np.arange(len(keys)), 0))
    later = np.flatnonzero(first != np.arange(len(keys)))
    trees = np.array(copies["tree_id"].to_pylist(), dtype=object)
    scope = ["same tree" if trees[r] == trees[first[r]] else "other tree" for r in later]
    return _claims(
        copies,
        DUPLICATE_ID,
        later,
        [f"The id stands first at {at}" for at in _other_places(copies, first[later], later)],
        spans=[Spans(later), Spans(first[later])],
        facets=[{"scope": s} for s in scope],
    )


def _open_parents(known: pa.Table, wanted: pa.Table) -> list[Claims]:
    """Parents that are nowhere, or in another tree."""
    if not wanted.num_rows:
        return []
    wanted = wanted.sort_by(_LINK_ORDER)
    exists = as_bools(single(pc.is_in(wanted["key"], value_set=known["key"])))
    lost, strayed = np.flatnonzero(~exists), np.flatnonzero(exists)
    # Where the parent stands more than once, the first place is told, in whatever order the rows came.
    homes = _named(known.filter(pc.is_in(known["key"], value_set=wanted["key"]))).sort_by(_LINK_ORDER)
    home = as_ints(single(pc.index_in(wanted["key"], value_set=homes["key"])), -1)
    both = pa.concat_tables([wanted, homes])
    wanted_ids = wanted["key"].to_pylist()
    claims = _claims(
        both,
        DANGLING_PARENT,
        lost,
        [f"The parent {_show(wanted_ids[r])} is nowhere in the data" for r in lost],
        about=[wanted_ids[r] for r in lost],
    )
    return claims + _claims(
        both,
        PARENT_IN_OTHER_TREE,
        strayed,
        [f"The parent {_show(wanted_ids[r])} belongs to another tree" for r in strayed],
        spans=[Spans(strayed), Spans(home[strayed] + wanted.num_rows)],
        about=[wanted_ids[r] for r in strayed],
    )


# -- judges: a batch in, claims out ----------------------------------------------------------------------------------


def links(batch: Batch) -> list[Claims]:
    """Parents, roots, circles, tree ids, order."""
    judged = ~batch.is_context
    ids, parents, trees = batch.column("message_id"), batch.column("parent_id"), batch.column("tree_id")
    own = as_bools(pc.equal(ids, parents))
    claims = _claims(batch.places, SELF_PARENT, np.flatnonzero(own), "The message is its own parent")

    circle = np.flatnonzero(batch.is_on_cycle & ~own)
    if circle.size:
        # One claim a circle, told by the row where the file meets it first.
        smallest = np.full(len(batch), len(batch))
        for row in circle.tolist():
            if smallest[row] < len(batch):
                continue
            ring = [row]
            while (up := int(batch.parent[ring[-1]])) != row:
                ring.append(up)
            smallest[ring] = row
        first, sizes = np.unique(smallest[circle], return_counts=True)
        claims += _claims(
            batch.places,
            CYCLE,
            first,
            [f"{n} messages are each other's ancestors" for n in sizes],
            spans=[Spans(first), Spans(batch.parent[first])],
        )

    if batch.n_trees:
        n_roots = np.bincount(batch.tree, weights=batch.is_root & ~batch.is_copy, minlength=batch.n_trees).astype(int)
        has_id = ~as_bools(trees.is_null())
        first_of_tree = _first_of(batch.tree)
        rootless = first_of_tree[(n_roots[batch.tree[first_of_tree]] == 0) & has_id[first_of_tree]]
        sizes = np.bincount(batch.tree)[batch.tree[rootless]]
        claims += _claims(
            batch.places,
            ONE_ROOT,
            rootless,
            [f"None of the tree's {_n(n, 'message')} is a root" for n in sizes],
            about=trees.take(pa.array(rootless)).to_pylist(),
        )
        # A second copy of a root is told as a duplicate id.
        roots = np.flatnonzero(batch.is_root & has_id & ~batch.is_copy)
        main = roots[_first_of(batch.tree[roots])]
        first_root = np.full(batch.n_trees, -1)
        first_root[batch.tree[main]] = main
        later = np.setdiff1d(roots, main)
        claims += _claims(
            batch.places,
            ONE_ROOT,
            later,
            [f"The tree has {n} roots; this is not the first" for n in n_roots[batch.tree[later]]],
            spans=[Spans(later), Spans(first_root[batch.tree[later]])],
        )
        # A root without an id is told as such.
        differs = as_bools(pc.not_equal(ids.take(pa.array(main)), trees.take(pa.array(main))))
        misnamed = main[differs & judged[main]]
        claims += _claims(
            batch.places,
            TREE_ID,
            misnamed,
            [
                f"The tree id is {_show(t)}, the root's id is another"
                for t in trees.take(pa.array(misnamed)).to_pylist()
            ],
        )
        # A nested message may say another tree id than the tree that it stands in.
        root = first_root[batch.tree]
        astray = np.flatnonzero(
            ~as_bools(pc.equal(trees, trees.take(pa.array(np.maximum(root, 0))))) & (root >= 0) & has_id
        )
        claims += _claims(
            batch.places,
            TREE_ID,
            astray,
            [f"The tree id is {_show(t)}, and another at the root" for t in trees.take(pa.array(astray)).to_pylist()],
            spans=[Spans(astray), Spans(root[astray])],
        )
    return claims + (_order(batch) if batch.form.depth_first else [])


def _order(batch: Batch) -> list[Claims]:
    """Hold each tree to depth-first order.

    In it a message is at most one step deeper than the one before it in its tree, and its parent is the last message
    before it that is one step less deep.
    """
    depth = batch.depth
    # A circle has no depth; its trees are told of already, and are left out here.
    whole = ~np.isin(batch.tree, batch.tree[depth < 0])
    rows = np.flatnonzero(whole)
    rows = rows[np.argsort(batch.tree[rows], kind="stable")]
    tree, depth, parent = batch.tree[rows], depth[rows], batch.parent[rows]
    if not rows.size:
        return []
    same = np.append(False, tree[1:] == tree[:-1])
    jump = same & (depth > np.append(0, depth[:-1]) + 1)
    # Positions by (tree, depth), so that the last earlier one is found by bisection.
    at = np.arange(len(rows))
    level = tree * (int(depth.max()) + 2) + depth
    key = level * len(rows) + at
    sorted_keys = np.sort(key)
    before = np.searchsorted(sorted_keys, (level - 1) * len(rows) + at) - 1
    expected = np.where(before >= 0, sorted_keys[before], -1)
    found = np.where((depth > 0) & (expected // len(rows) == level - 1), rows[expected % len(rows)], -1)
    wrong = (jump | ((depth > 0) & (found != parent))) & (parent >= 0)
    wrong_rows = rows[wrong]
    first = np.sort(wrong_rows[_first_of(tree[wrong])])
    return _claims(
        batch.places,
        ORDER,
        first,
        "The message does not follow its parent's branch, as depth-first order would have it",
        spans=[Spans(first), Spans(batch.parent[first])],
    )


def roles(batch: Batch) -> list[Claims]:
    """Who speaks, in turn, and who has the last word."""
    if not batch.form.roles:
        return []
    role = batch.column("role")
    strange = np.flatnonzero(
        as_bools(role.is_valid()) & ~as_bools(pc.is_in(role, value_set=pa.array(batch.form.roles)))
    )
    *others, last = batch.form.roles
    claims = _claims(
        batch.places,
        UNKNOWN_ROLE,
        strange,
        [
            f"The role is {_show(name)}; expected {', '.join(others)} or {last}"
            for name in role.take(pa.array(strange)).to_pylist()
        ],
    )
    prompter, assistant, system, tool = (_has_role(batch, name) for name in CHAT_ROLES)
    is_start = batch.is_root
    if system.any():  # what a system message at the root is followed by, and any number of others behind that
        above = batch.below(~system | batch.is_root)
        is_start = is_start | ((above >= 0) & (system & batch.is_root)[above])
    for speaks, name in ((assistant, "an assistant"), (tool, "a tool's result")):
        start = np.flatnonzero(is_start & speaks)
        claims += _claims(batch.places, ROOT_ROLE, start, f"The conversation starts with {name}")

    for speaks, name in ((prompter, "prompter"), (assistant, "assistant")):
        repeats = np.flatnonzero(
            (batch.parent >= 0) & speaks & speaks[batch.parent] & (batch.parent != np.arange(len(batch)))
        )
        claims += _claims(
            batch.places,
            ROLE_ALTERNATION,
            repeats,
            f"{name.capitalize()} follows {name}",
            spans=[Spans(repeats), Spans(batch.parent[repeats])],
            facets=[{"role": name}] * len(repeats),
        )
    late = np.flatnonzero(system & (batch.depth > 0))
    claims += _claims(
        batch.places,
        SYSTEM_FIRST,
        late,
        [f"The system message stands behind {_n(n, 'other message')}" for n in batch.depth[late]],
        spans=[Spans(late), Spans(batch.parent[late])],
    )
    waiting = as_bools(pc.is_in(batch.column("tree_state"), value_set=pa.array(WAITING_STATES)))
    # Nobody can answer a message without an id by name, and a copy is told of as such.
    named = as_bools(batch.column("message_id").is_valid())
    is_end = batch.is_leaf & named & ~waiting & ~batch.is_copy
    for speaks, name in ((prompter, "a prompt"), (system, "a system message"), (tool, "a tool's result")):
        open_end = np.flatnonzero(is_end & speaks)
        claims += _claims(batch.places, UNANSWERED_THREAD, open_end, f"The thread ends with {name} that nobody answers")
    return claims


def tools(batch: Batch) -> list[Claims]:
    """Results of tools, each behind the call that it answers."""
    tool = _has_role(batch, "tool")
    if not tool.any():
        return []
    calls, call_id = batch.column("calls"), batch.column("call_id")
    makes_calls = as_ints(pc.list_value_length(calls), 0) > 0
    # A result without a parent is told as the start of a conversation, or its parent as lost.
    has_caller = (tool | makes_calls)[batch.parent]
    stray = np.flatnonzero(tool & (batch.parent >= 0) & ~has_caller)
    claims = _claims(
        batch.places,
        TOOL_RESULT,
        stray,
        "The tool's result follows a message that makes no call",
        spans=[Spans(stray), Spans(batch.parent[stray])],
    )
    # Results of several calls follow one another, so their calls stand above all of them.
    caller = batch.below(~tool)
    rows = np.flatnonzero(tool & has_caller & (caller >= 0) & as_bools(pc.not_equal(call_id, "")))
    named = call_id.take(pa.array(rows))
    made, maker = pc.list_flatten(calls), np.asarray(pc.list_parent_indices(calls), dtype=np.int64)
    is_made = as_bools(pc.is_in(_keys(caller[rows], named), value_set=_keys(maker, made)))
    # A call without an id may be any.
    is_made |= np.isin(caller[rows], maker[as_bools(pc.equal(made, ""))])
    unmade = rows[~is_made]
    return claims + _claims(
        batch.places,
        TOOL_RESULT,
        unmade,
        [
            f"The tool's result names the call {_show(name)}, which the message above does not make"
            for name in call_id.take(pa.array(unmade)).to_pylist()
        ],
        spans=[Spans(unmade), Spans(caller[unmade])],
    )


def _keys(rows: IntArray, ids: pa.Array) -> pa.Array:
    """Ids, each together with the row that it is held against."""
    return pc.binary_join_element_wise(pa.array(rows).cast(pa.string()), ids, ":")


def pairs(batch: Batch) -> list[Claims]:
    """Preference pairs: two answers to one prompt, and not the same one twice."""
    branch = batch.column("branch")
    if branch.null_count == len(branch):
        return []
    ends, n_own = [], []
    for side in ("chosen", "rejected"):
        own = as_bools(pc.equal(branch, side))
        last = np.flatnonzero(own & batch.is_leaf)
        of_tree = np.full(batch.n_trees, -1)
        of_tree[batch.tree[last]] = last
        ends.append(of_tree)
        n_own.append(np.bincount(batch.tree[own], minlength=batch.n_trees))
    is_pair = (ends[0] >= 0) & (ends[1] >= 0)
    chosen, rejected = ends[0][is_pair], ends[1][is_pair]
    prompts = batch.parent[chosen], batch.parent[rejected]
    are_siblings = prompts[0] == prompts[1]
    texts = np.asarray(batch.text_facts["digest"])
    # A message that makes calls may say the same and call something else.
    is_told = as_bools(batch.column("text").is_valid()) & as_bools(batch.column("calls").is_null())
    are_same = (texts[chosen] == texts[rejected]) & is_told[chosen] & is_told[rejected]
    have_one_prompt = are_siblings | ((texts[prompts[0]] == texts[prompts[1]]) & (np.minimum(*prompts) >= 0))
    same = np.flatnonzero(are_same & have_one_prompt)
    claims = _claims(
        batch.places,
        SAME_PAIR,
        rejected[same],
        "The rejected answer is the chosen one, byte for byte",
        spans=[Spans(rejected[same]), Spans(chosen[same])],
    )
    apart = np.flatnonzero(~are_siblings)
    n_chosen, n_rejected = (n[batch.tree[rejected[apart]]] for n in n_own)
    return claims + _claims(
        batch.places,
        PAIR_PROMPT,
        rejected[apart],
        [
            f"{_n(a, 'message')} on the chosen side, {b} on the rejected; expected two answers to one prompt"
            for a, b in zip(n_chosen, n_rejected, strict=True)
        ],
        spans=[Spans(rejected[apart]), Spans(chosen[apart])],
    )


def ranks(batch: Batch) -> list[Claims]:
    """Ranks of rival answers: 0, 1, 2, ... without a tie or a gap."""
    column = batch.column("rank")
    if column.null_count == len(column):
        return []
    given = ~as_bools(column.is_null()) & ~batch.is_copy
    rank = as_ints(column, -1)
    role = batch.column("role")
    prompts = np.flatnonzero(given & as_bools(pc.equal(role, "prompter")))
    claims = _claims(
        batch.places,
        RANK_OF_PROMPTER,
        prompts,
        [f"A prompt has rank {rank[r]}; only answers are ranked" for r in prompts],
    )
    negative = np.flatnonzero(given & (rank < 0))
    claims += _claims(batch.places, RANK_RANGE, negative, [f"The rank is {rank[r]}, below 0" for r in negative])

    rows = np.flatnonzero(given & (rank >= 0) & (batch.parent >= 0) & as_bools(pc.equal(role, "assistant")))
    rows = rows[np.lexsort((rows, rank[rows], batch.parent[rows]))]
    parent, value = batch.parent[rows], rank[rows]
    if not rows.size:
        return claims
    starts = np.flatnonzero(np.append(True, parent[1:] != parent[:-1]))
    size = np.diff(np.append(starts, len(rows)))
    group = np.repeat(np.arange(len(starts)), size)
    tie = np.flatnonzero(np.append(False, (parent[1:] == parent[:-1]) & (value[1:] == value[:-1])))
    claims += _claims(
        batch.places,
        RANK_TIE,
        rows[tie],
        [f"Rank {value[k]} is shared with a sibling, among {_n(size[group[k]], 'ranked answer')}" for k in tie],
        spans=[Spans(rows[tie]), Spans(rows[tie - 1])],
    )
    # Counted over distinct ranks, so that a tie is not told a second time as a gap.
    distinct = np.bincount(group, minlength=len(starts)) - np.bincount(group[tie], minlength=len(starts))
    top = value[starts + size - 1]
    gap = np.flatnonzero(top + 1 != distinct)
    shown = [", ".join(map(str, value[starts[g] : starts[g] + min(size[g], 10)])) for g in gap]
    first = rows[starts[gap]]
    return claims + _claims(
        batch.places,
        RANK_GAP,
        first,
        [f"The ranks of the {_n(size[g], 'ranked answer')} are {s}" for g, s in zip(gap, shown, strict=True)],
        about=batch.column("parent_id").take(pa.array(first)).to_pylist(),
    )


def states(batch: Batch) -> list[Claims]:
    """Tree states, deletions, reviews, who wrote it."""
    column = batch.column("tree_state")
    given = ~as_bools(column.is_null())
    code = np.asarray(pc.index_in(column, value_set=pa.array(TREE_STATES)).fill_null(-1), dtype=np.int64)
    first = _first_of(batch.tree)
    strange = np.flatnonzero(given & (code < 0))
    strange = strange[_first_of(batch.tree[strange])]
    claims = _claims(
        batch.places,
        TREE_STATE,
        strange,
        [f"The tree state is {_show(s)}" for s in column.take(pa.array(strange)).to_pylist()],
    )
    # A state is compared with that of its tree's first message, as strings, so that unknown states differ too.
    names = np.asarray(column.dictionary_encode(null_encoding="encode").indices, dtype=np.int64)
    of_first = np.zeros(batch.n_trees, dtype=np.int64)
    of_first[batch.tree[first]] = names[first]
    other = np.flatnonzero(names != of_first[batch.tree])
    other = other[_first_of(batch.tree[other])]
    of_tree = np.zeros(batch.n_trees, dtype=np.int64)
    of_tree[batch.tree[first]] = first
    claims += _claims(
        batch.places,
        TREE_STATE_MIXED,
        other,
        [
            f"The state is {_show(a)}, and {_show(b)} at the tree's first message"
            for a, b in zip(
                column.take(pa.array(other)).to_pylist(),
                column.take(pa.array(of_tree[batch.tree[other]])).to_pylist(),
                strict=True,
            )
        ],
        spans=[Spans(other), Spans(of_tree[batch.tree[other]])],
    )
    sizes = np.bincount(batch.tree[~batch.is_copy], minlength=batch.n_trees)
    drawn = first[(code[first] == TREE_STATES.index("prompt_lottery_waiting")) & (sizes[batch.tree[first]] > 1)]
    claims += _claims(
        batch.places,
        LOTTERY_REPLIES,
        drawn,
        [f"The tree waits in the prompt lottery and has {n} messages; expected 1" for n in sizes[batch.tree[drawn]]],
    )
    deleted = np.flatnonzero(as_bools(batch.column("deleted")) & (code == TREE_STATES.index("ready_for_export")))
    claims += _claims(
        batch.places, DELETED_IN_EXPORT, deleted, "The message is deleted, and its tree is ready for export"
    )
    reviews = batch.column("review_count")
    count = as_ints(reviews, 0)
    below = np.flatnonzero(count < 0)
    claims += _claims(batch.places, REVIEW_COUNT, below, [f"The message has {count[r]} reviews" for r in below])
    unreviewed = np.flatnonzero(as_bools(pc.equal(reviews, 0)) & ~as_bools(batch.column("review_result").is_null()))
    claims += _claims(batch.places, REVIEW_RESULT, unreviewed, "The message has a review result and 0 reviews")
    synthetic = batch.column("synthetic")
    named = ~as_bools(batch.column("model_name").is_null())
    unnamed = np.flatnonzero(as_bools(synthetic) & ~named)
    claims += _claims(batch.places, SYNTHETIC_MODEL, unnamed, "The message is synthetic and names no model")
    human = np.flatnonzero(as_bools(pc.equal(synthetic, False)) & named)
    return claims + _claims(batch.places, SYNTHETIC_MODEL, human, "The message names a model and is not synthetic")


def fields(batch: Batch) -> list[Claims]:
    """What must be there, ids, language tags."""
    judged = ~batch.is_context
    claims: list[Claims] = []
    for name in batch.form.required:
        column = batch.column(name)
        if column.null_count:
            absent = np.flatnonzero(as_bools(column.is_null()) & judged)
            claims += _claims(
                batch.places, MISSING_FIELD, absent, f"The field {name} is missing or null", about=[name] * len(absent)
            )
    if batch.form.uuid_ids:
        # A parent's id is judged where it is an id; only a dangling one would be told twice.
        for name in ("message_id", "tree_id"):
            column = batch.column(name)
            odd = np.flatnonzero(~np.asarray(_is_uuid(column).fill_null(True).to_numpy(zero_copy_only=False)))
            claims += _claims(
                batch.places,
                MALFORMED_ID,
                odd,
                [f"{name} is {_show(i)}; expected a UUID" for i in column.take(pa.array(odd)).to_pylist()],
                about=[name] * len(odd),
            )
    tags = batch.column("lang").dictionary_encode()
    bad = [k for k, tag in enumerate(tags.dictionary.to_pylist()) if not is_language_tag(tag)]
    if bad:
        odd = np.flatnonzero(np.isin(as_ints(tags.indices, -1), bad) & judged)
        claims += _claims(
            batch.places,
            LANGUAGE_TAG,
            odd,
            [
                f"The language is {_show(t)}; expected a tag such as en or pt-BR"
                for t in tags.take(pa.array(odd)).to_pylist()
            ],
        )
    return claims


def texts(batch: Batch) -> list[Claims]:
    """Texts that are empty, or hold characters that are no text."""
    judged, facts = ~batch.is_context, batch.text_facts
    blank = np.flatnonzero(as_bools(single(facts["is_blank"])) & judged)
    claims = _claims(
        batch.places,
        EMPTY_TEXT,
        blank,
        [
            f"The text has {_n(n, 'character')}, none of them visible"
            for n in batch.places["n_chars"].take(pa.array(blank)).to_pylist()
        ],
    )
    for rule, kind, what, code in (
        (REPLACEMENT_CHARACTERS, "lost", "replacement character", " U+FFFD"),
        (CONTROL_CHARACTERS, "control", "control character", ""),
    ):
        counts, first = np.asarray(facts[f"n_{kind}"]), np.asarray(facts[f"first_{kind}"])
        rows = np.flatnonzero((counts > 0) & judged)
        claims += _claims(
            batch.places,
            rule,
            rows,
            [f"The text holds {_n(n, what)}{code}" for n in counts[rows]],
            spans=[Spans(rows, first[rows], first[rows] + 1)],
        )
    return claims


def labels(batch: Batch) -> list[Claims]:
    """Human labels, emojis and Detoxify scores."""
    claims: list[Claims] = []
    column = batch.column("labels")
    if column.null_count < len(column):
        n_names, n_values, n_counts = (_list_lengths(column, f) for f in ("name", "value", "count"))
        uneven = np.flatnonzero((n_names != n_values) | (n_names != n_counts))
        claims += _claims(
            batch.places,
            LABEL_LENGTHS,
            uneven,
            [f"{n_names[r]} label names, {n_values[r]} values and {n_counts[r]} counts" for r in uneven],
        )
        value, value_row = entries(column, "value")
        number = np.asarray(value.fill_null(np.nan))
        outside = ~((number >= 0) & (number <= 1))
        count, count_row = entries(column, "count")
        amount = as_ints(count, 0)
        odd_values = _first_each(value_row[outside])
        claims += _claims(
            batch.places,
            LABEL_RANGE,
            odd_values[0],
            [
                f"A label has the value {'null' if v is None else f'{v:g}'}; expected 0 to 1"
                for v in value.filter(pa.array(outside)).take(pa.array(odd_values[1])).to_pylist()
            ],
            about=["value"] * len(odd_values[0]),
        )
        odd_counts = _first_each(count_row[amount < 1])
        claims += _claims(
            batch.places,
            LABEL_RANGE,
            odd_counts[0],
            [f"A label has the count {c}; expected 1 or more" for c in amount[amount < 1][odd_counts[1]]],
            about=["count"] * len(odd_counts[0]),
        )
        name, name_row = entries(column, "name")
        code = as_ints(pc.index_in(name, value_set=pa.array(LABEL_NAMES)), -1)
        strange = _first_each(name_row[code < 0])
        unknown = name.filter(pa.array(code < 0)).take(pa.array(strange[1])).to_pylist()
        claims += _claims(batch.places, LABEL_NAME, strange[0], [f"A label is named {_show(n)}" for n in unknown])
        key = name_row[code >= 0] * len(LABEL_NAMES) + code[code >= 0]
        key.sort()
        twice = _first_each(key[1:][key[1:] == key[:-1]] // len(LABEL_NAMES))[0]
        claims += _claims(
            batch.places, LABEL_NAME, twice, "A label stands twice at one message", about=["twice"] * len(twice)
        )
    column = batch.column("emojis")
    if column.null_count < len(column):
        n_names, n_counts = (_list_lengths(column, f) for f in ("name", "count"))
        count, count_row = entries(column, "count")
        below = np.bincount(count_row[as_ints(count, 0) < 1], minlength=len(batch)) > 0
        odd = np.flatnonzero((n_names != n_counts) | below)
        claims += _claims(
            batch.places,
            EMOJI_COUNTS,
            odd,
            [
                "An emoji has a count below 1" if n_names[r] == n_counts[r]
                else f"{n_names[r]} emoji names and {n_counts[r]} counts"
                for r in odd
            ],
        )  # fmt: skip
    column = batch.column("detoxify")
    if column.null_count < len(column):
        for member in DETOXIFY:
            part = pc.struct_field(column, member.name)
            score = np.asarray(part.fill_null(0.0))
            odd = np.flatnonzero(~((score >= 0) & (score <= 1)))
            claims += _claims(
                batch.places,
                DETOXIFY_RANGE,
                odd,
                [f"Detoxify's {member.name} is {score[r]:g}; expected 0 to 1" for r in odd],
                about=[member.name] * len(odd),
            )
    return claims


def reading_faults(batch: Batch) -> list[Claims]:
    """What the reader met: its faults are named after our rules."""
    faults = batch.faults
    if not faults.num_rows:
        return []
    n = faults.num_rows
    places = faults.select([name for name in PLACES.names if name != "n_chars"]).append_column(
        PLACES.field("n_chars"), pc.utf8_length(faults["excerpt"]).fill_null(0).cast(pa.int64())
    )
    # The evidence is the raw record, not a message: a second half of the table stands for it.
    names = [line_id(line) for line in faults["line"].to_pylist()]
    lines = places.set_column(1, PLACES.field("message_id"), pa.array(names, pa.string()))
    both = pa.concat_tables([places, lines])
    _, starts = batch.raw_lines
    ends = starts + np.asarray(places["n_chars"])
    kinds = np.array(faults["kind"].to_pylist())
    details, ids, excerpts = (faults[name].to_pylist() for name in ("detail", "message_id", "excerpt"))
    claims: list[Claims] = []
    for kind in sorted(set(kinds)):
        rows = np.flatnonzero(kinds == kind)
        # A record that was lost has no id; its words name it, so that the claim stays the same when lines move.
        about = [details[r] if ids[r] is not None else f"{details[r]} {excerpts[r]}" for r in rows]
        claims += _claims(
            both,
            RULES[kind],
            rows,
            [details[r] for r in rows],
            spans=[Spans(rows + n, starts[rows], ends[rows])],
            about=about,
        )
    return claims


def dates(batch: Batch) -> list[Claims]:
    """Dates that cannot be read, and replies older than what they answer."""
    micros, is_read = batch.dates
    column = batch.column("created_date")
    unread = np.flatnonzero(~as_bools(column.is_null()) & ~is_read)
    written = column.take(pa.array(unread)).to_pylist()
    claims = _claims(
        batch.places,
        DATE_FORMAT,
        unread,
        [f"The date {_show(d)} {'has no time zone' if _lacks_zone(d) else 'cannot be read'}" for d in written],
    )
    both = is_read & (batch.parent >= 0) & is_read[batch.parent]
    early = np.flatnonzero(both & (micros < micros[batch.parent]))
    return claims + _claims(
        batch.places,
        DATE_BEFORE_PARENT,
        early,
        [f"The reply is {_duration(micros[batch.parent[r]] - micros[r])} older than its parent" for r in early],
        spans=[Spans(early), Spans(batch.parent[early])],
    )


def _lacks_zone(date: str) -> bool:
    try:
        return datetime.fromisoformat(date).tzinfo is None
    except ValueError:
        return False


def _link_rows(batch: Batch) -> pa.Table:
    """LINKS of a batch: its ids, the parents that its trees do not hold, its newest messages."""
    judged = ~batch.is_context
    micros, is_read = batch.dates
    ids, parents = batch.column("message_id"), batch.column("parent_id")
    known = np.flatnonzero(judged & ~as_bools(ids.is_null()))
    wanted = np.flatnonzero(judged & ~batch.is_root & (batch.parent < 0) & ~as_bools(batch.column("tree_id").is_null()))
    dated = np.flatnonzero(judged & is_read)
    if len(dated) > N_NEWEST:
        # All that are as new as the oldest of the newest, so that a tie at the border is cut by place, not by luck.
        border = np.partition(micros[dated], -N_NEWEST)[-N_NEWEST]
        dated = dated[micros[dated] >= border]
    parts = []
    for kind, rows, keys in ((KNOWN, known, ids), (WANTED, wanted, parents), (DATED, dated, ids)):
        at = pa.array(rows)
        date = pa.array(micros[rows]) if kind == DATED else pa.nulls(len(rows), pa.int64())
        places = batch.places.take(at)
        if kind == KNOWN:  # these are nearly all rows, and their key is their id
            places = places.set_column(1, PLACES.field("message_id"), pa.nulls(len(rows), pa.string()))
        columns = [keys.take(at), pa.repeat(pa.scalar(kind, pa.int8()), len(rows)), date]
        parts.append(pa.table([*columns, *places.columns], schema=LINKS))
    return pa.concat_tables(parts)


def _named(known: pa.Table) -> pa.Table:
    """KNOWN rows with their ids where other rows have them."""
    return known.set_column(known.schema.get_field_index("message_id"), LINKS.field("message_id"), known["key"])


def _has_role(batch: Batch, role: str) -> BoolArray:
    """Rows of a role, where the format has it; elsewhere it is an unknown one."""
    known = role in batch.form.roles
    return as_bools(pc.equal(batch.column("role"), role)) if known else np.zeros(len(batch), dtype=bool)


# -- small words -----------------------------------------------------------------------------------------------------


@cache
def is_language_tag(tag: str) -> bool:
    """Whether this is a well-formed BCP 47 tag made of registered parts (RFC 5646, IANA registry)."""
    from langcodes import tag_is_valid  # its tables take 60 ms to load, and are needed here alone

    return tag.replace("-", "").isalnum() and tag.isascii() and bool(tag_is_valid(tag))


def _is_uuid(column: pa.Array) -> pa.Array:
    return pc.match_substring_regex(column, r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def _list_lengths(column: pa.Array, name: str) -> IntArray:
    """Entries of one list of a struct of lists, for each row; 0 where there is none."""
    return as_ints(pc.list_value_length(pc.struct_field(column, name)), 0)


def _first_of(groups: IntArray) -> IntArray:
    """Positions at which each value stands for the first time, ascending."""
    return np.sort(np.unique(groups, return_index=True)[1])


def _first_each(rows: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct rows, and where each stands first."""
    distinct, first = np.unique(rows, return_index=True)
    return distinct, first


def _show(value: str | None) -> str:
    """A value of the data, clipped and in quotes."""
    if value is None:
        return "null"
    return repr(value if len(value) <= 60 else value[:59] + "…")


def _other_places(places: pa.Table, rows: IntArray, seen_from: IntArray) -> list[str]:
    """Where rows stand; the file is named where it is another than that of the row they are told of."""
    source, line = (places[name].to_pylist() for name in ("source", "line"))
    return [
        f"line {line[row]}" if source[row] == source[here] else f"{source[row]}:{line[row]}"
        for row, here in zip(rows, seen_from, strict=True)
    ]


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _duration(micros: int) -> str:
    seconds = micros / 1e6
    for unit, size in (("year", 365.25 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}s"
    return f"{seconds:.6g} s"
