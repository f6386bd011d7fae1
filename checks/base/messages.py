"""Messages in batches of whole trees, and the views of a batch that checks share."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from . import kernels
from .arrow.columns import MIXED, BoolArray, IntArray, as_bools, as_ints, digests, micros_of, utf8
from .text.thought import thought_in
from .text.tokens import Prose, Shingles, Signs, Tokens, mark, prose, shingle, signs, tokenise

CHAT_ROLES = ("prompter", "assistant", "system", "tool")
"""The roles of a chat, in any format."""

MEDIA = ("image", "audio", "video", "file")
"""The kinds of content besides text that a message may carry."""

# The column form of OASST: three lists of one length, as the data set card has them. The map form
# {name: {value, count}} is read into it; unequal lengths must stay visible, so it is not a list of triples.
LABELS = pa.struct(
    [("name", pa.list_(pa.string())), ("value", pa.list_(pa.float64())), ("count", pa.list_(pa.int64()))]
)
EMOJIS = pa.struct([("name", pa.list_(pa.string())), ("count", pa.list_(pa.int64()))])
DETOXIFY = pa.struct(
    [
        (name, pa.float64())
        for name in (
            "toxicity",
            "severe_toxicity",
            "obscene",
            "identity_attack",
            "insult",
            "threat",
            "sexual_explicit",
        )
    ]
)

CALL = pa.struct(
    [
        ("id", pa.string()),  # "" if it has none
        ("name", pa.string()),  # of the tool; null where the data do not say
        ("arguments", pa.string()),  # JSON; as written where it is no JSON
    ]
)
TOOL = pa.struct([("name", pa.string()), ("schema", pa.string())])  # the schema is the declaration as JSON

MESSAGES = pa.schema(
    [
        ("tree_id", pa.string()),
        ("message_id", pa.string()),
        ("parent_id", pa.string()),  # null: the root
        ("role", pa.string()),
        ("lang", pa.string()),  # as declared
        ("text", pa.string()),
        # Fields of some formats; null where the data have none.
        ("user_id", pa.string()),
        ("created_date", pa.string()),  # as written; ISO 8601 is promised, and checked
        ("review_count", pa.int64()),
        ("review_result", pa.bool_()),
        ("deleted", pa.bool_()),
        ("rank", pa.int64()),  # 0 is the best of the siblings
        ("synthetic", pa.bool_()),
        ("model_name", pa.string()),
        ("tree_state", pa.string()),
        ("split", pa.string()),  # train, validation, test, ...
        ("detoxify", DETOXIFY),  # each in [0, 1]
        ("emojis", EMOJIS),
        ("labels", LABELS),
        # Of preference pairs and calls of tools.
        ("branch", pa.string()),  # "chosen" or "rejected": the side of a pair; null: both share it, or there is no pair
        ("calls", pa.list_(CALL)),  # calls of tools that it makes; null: none
        ("call_id", pa.string()),  # of a tool's message: the call that it answers; null where the data do not say
        ("tools", pa.list_(TOOL)),  # declared to the conversation; on its first message only
        # What a message has besides its text.
        ("reasoning", pa.string()),  # what the author thought before answering; null: none
        ("media", pa.list_(pa.string())),  # kinds of MEDIA, in order; null: none
        # The place of the message. Context is text that a document answers: it is a parent, and is not checked.
        ("is_context", pa.bool_()),
        ("source", pa.string()),
        ("line", pa.int64()),  # line of a text file, row of a table; the first is 1
    ]
)
"""One message a row. All columns are always present; fields that a format does not have are null."""

FAULTS = pa.schema(
    [
        ("kind", pa.string()),  # a FaultKind
        ("detail", pa.string()),  # what was found and what was expected
        ("field", pa.string()),  # the column of MESSAGES that it left null, which is no second finding; null: none
        ("tree_id", pa.string()),  # null where the record could not be read
        ("message_id", pa.string()),
        ("excerpt", pa.string()),  # the raw text around the fault, clipped
        ("source", pa.string()),
        ("line", pa.int64()),
    ]
)
"""Faults that the reader met: records lost, records repaired, fields of the wrong type."""

PLACES = pa.schema(
    [
        ("tree_id", pa.string()),
        ("message_id", pa.string()),
        ("source", pa.string()),
        ("line", pa.int64()),
        ("n_chars", pa.int64()),  # length of the text in code points
    ]
)
"""The places of messages and the lengths of their texts: all that a finding needs to point at them."""

NAN = ("nan", "NaN", "<NA>", "NaT")
"""Missing values, as pandas writes them into texts."""

TEXT_FACTS = pa.schema(
    [
        ("is_blank", pa.bool_()),  # there is a text, and no character of it is visible
        ("is_nan", pa.bool_()),  # the text is what pandas writes for a missing value
        ("n_lost", pa.int64()),  # replacement characters (U+FFFD)
        ("first_lost", pa.int64()),  # place of the first, in code points; -1: there is none
        ("n_control", pa.int64()),  # control characters except tab, LF and CR
        ("first_control", pa.int64()),
        ("is_thought", pa.bool_()),  # the text is reasoning between marks, and no more
        ("is_open", pa.bool_()),  # the text begins with a mark of reasoning that is never closed
        # In data with preference pairs: equal where text and reasoning are, but for white space around them; else 0.
        ("digest", pa.uint64()),
    ]
)
"""Facts about a text that checks need where the text itself is not available."""


@dataclass(frozen=True)
class Form:
    """The promises of a format about its messages; a check expects no more than that."""

    name: str
    required: tuple[str, ...] = ()  # columns of MESSAGES that are never null
    roles: tuple[str, ...] = ()  # the roles that messages may have; empty: the format makes no promise
    uuid_ids: bool = False
    depth_first: bool = False  # each tree's messages come in depth-first order
    nested: bool = False  # a record is a whole tree; else messages with one tree id are a tree


@dataclass
class Batch:
    """Messages of whole trees, and views of them that all checks share.

    Views are arrays with one entry a row of `messages`; each is computed at its first use.
    """

    messages: pa.Table  # MESSAGES, one chunk a column
    form: Form
    faults: pa.Table = field(default_factory=FAULTS.empty_table)

    def __len__(self) -> int:
        return int(self.messages.num_rows)

    def column(self, name: str) -> pa.Array:
        """Return one column of the messages as a single array."""
        chunked = self.messages[name]
        return chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()

    @cached_property
    def is_context(self) -> BoolArray:
        """Rows that are only context for others, and are not checked themselves."""
        return as_bools(self.column("is_context"))

    @cached_property
    def checkable(self) -> pa.Table:
        """The messages without context: those that are checked."""
        return self.messages.filter(pa.array(~self.is_context)) if self.is_context.any() else self.messages

    @cached_property
    def tree(self) -> IntArray:
        """Number of each row's tree, from 0.

        A record of a nested format is a tree, independent of its id; in a flat one, a row without a tree id is a tree
        of its own.
        """
        if self.form.nested:
            line, source = as_ints(self.column("line"), 0), self.column("source").dictionary_encode().indices
            place = np.stack([np.asarray(source, dtype=np.int64), line])
            return np.cumsum(np.append(0, (place[:, 1:] != place[:, :-1]).any(axis=0)))[: len(self)]
        codes = as_ints(self.column("tree_id").dictionary_encode().indices, -1)
        alone = codes < 0
        codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
        return codes

    @cached_property
    def tree_digest(self) -> npt.NDArray[np.uint64]:
        """A hash of each row's tree id; of rows without one, of their tree within the batch."""
        ids = self.column("tree_id")
        alone = np.where(as_bools(ids.is_null()), self.tree.astype(np.uint64) + np.uint64(1), np.uint64(0))
        return digests(ids) ^ alone

    @cached_property
    def n_trees(self) -> int:
        return int(self.tree.max()) + 1 if len(self) else 0

    @cached_property
    def is_root(self) -> BoolArray:
        return as_bools(self.column("parent_id").is_null())

    @cached_property
    def parent(self) -> IntArray:
        """Row of each row's parent within its own tree; -1 where there is none.

        If an id occurs twice in a tree, its first row is the parent.
        """
        ids, wanted = self.column("message_id"), self.column("parent_id")
        found = as_ints(pc.index_in(wanted, value_set=ids, skip_nulls=True), -1)
        # An id may occur in another tree first. That is rare, so only those rows need a slower search.
        stray = np.flatnonzero((found >= 0) & (self.tree[found] != self.tree))
        if stray.size:
            rows = np.flatnonzero(np.isin(self.tree, self.tree[stray]))
            home: dict[tuple[int, str], int] = {}
            for row, message_id in zip(rows.tolist(), ids.take(pa.array(rows)).to_pylist(), strict=True):
                home.setdefault((int(self.tree[row]), message_id), row)
            keys = zip(self.tree[stray].tolist(), wanted.take(pa.array(stray)).to_pylist(), strict=True)
            found[stray] = [home.get(key, -1) for key in keys]
        return found

    @cached_property
    def is_copy(self) -> BoolArray:
        """Rows whose id occurs in an earlier row of the same tree: the same message, twice."""
        first = as_ints(
            pc.index_in(self.column("message_id"), value_set=self.column("message_id"), skip_nulls=True), -1
        )
        suspects = np.flatnonzero((first >= 0) & (first != np.arange(len(self))))
        copies = np.zeros(len(self), dtype=bool)
        if suspects.size:
            ids = self.column("message_id")
            rows = np.union1d(suspects, first[suspects])
            seen: set[tuple[int, str]] = set()
            for row, message_id in zip(rows.tolist(), ids.take(pa.array(rows)).to_pylist(), strict=True):
                key = (int(self.tree[row]), message_id)
                copies[row] = key in seen
                seen.add(key)
        return copies

    @cached_property
    def _jumps(self) -> tuple[IntArray, IntArray]:
        """For each row, the row that n or more steps up lead to (n: past the root), and the number of steps."""
        n = len(self)
        up = np.append(np.where(self.parent >= 0, self.parent, n), n)
        steps = (up != n).astype(np.int64)
        for _ in range(max(1, n).bit_length()):  # pointer doubling: 2**k steps after k rounds
            if (up == n).all():
                break
            steps += steps[up]
            up = up[up]
        return up[:-1], steps[:-1]

    @cached_property
    def depth(self) -> IntArray:
        """Steps up to the top of each row's branch, 0 at the top; -1 where the way up ends in a cycle."""
        end, steps = self._jumps
        return np.where(end == len(self), steps, -1)

    @cached_property
    def is_on_cycle(self) -> BoolArray:
        """Rows that are their own ancestors."""
        end, _ = self._jumps
        mask = np.zeros(len(self), dtype=bool)
        mask[end[end != len(self)]] = True
        return mask

    @cached_property
    def _children(self) -> tuple[IntArray, IntArray]:
        """Rows by parent: where those of each parent begin, and the rows."""
        counts = np.bincount(self.parent[self.parent >= 0], minlength=len(self))
        order = np.argsort(self.parent, kind="stable")
        return np.append(0, np.cumsum(counts)), order[np.count_nonzero(self.parent < 0) :]

    @cached_property
    def is_leaf(self) -> BoolArray:
        """Rows that no other row has as its parent."""
        mask = np.ones(len(self), dtype=bool)
        mask[self.parent[self.parent >= 0]] = False
        return mask

    def replies(self, row: int) -> list[int]:
        """Return the rows whose parent is this one, in order."""
        limits, rows = self._children
        return list(rows[limits[row] : limits[row + 1]].tolist())

    def all_below(self, row: int) -> Iterator[int]:
        """Yield the rows below this one, nearest first; each once, also in a cycle."""
        waiting, seen = deque(self.replies(row)), {row}
        while waiting:
            below = waiting.popleft()
            if below not in seen:
                seen.add(below)
                yield below
                waiting.extend(self.replies(below))

    def below(self, marked: BoolArray) -> IntArray:
        """Return the nearest marked row above each row; -1: there is none."""
        # Pointer doubling, as in `_jumps`: a marked row stays where it is, all others step up.
        up = np.append(np.where(marked, np.arange(len(self)), self.parent), -1)
        for _ in range(len(self).bit_length()):
            further = up[up]
            if (further == up).all():
                break
            up = further
        found = up[self.parent]
        # A way up that ends in a cycle of unmarked rows leads nowhere.
        return np.where((found >= 0) & np.append(marked, False)[found], found, -1)

    @cached_property
    def digest(self) -> npt.NDArray[np.uint64]:
        """A hash of each message's text, role, language and parent: versions of a message have different ones."""
        total = self.text_digest
        for name in ("role", "lang", "parent_id"):
            total = total * MIXED + digests(self.column(name))
        return total

    @cached_property
    def text_digest(self) -> npt.NDArray[np.uint64]:
        """A hash of each text: equal for texts that are the same, byte for byte."""
        return digests(self.column("text"))

    @cached_property
    def raw_lines(self) -> tuple[dict[tuple[str, int], str], IntArray]:
        """The text that the reader kept of faulty records, by source and line.

        And the place in that text where the excerpt of each fault begins, in code points, one entry a row of `faults`.
        """
        texts: dict[tuple[str, int], str] = {}
        starts = np.zeros(self.faults.num_rows, dtype=np.int64)
        keys = zip(*(self.faults[name].to_pylist() for name in ("source", "line", "excerpt")), strict=True)
        for k, (source, line, excerpt) in enumerate(keys):
            before = texts.get((source, line))
            starts[k] = 0 if before is None else len(before) + 1
            texts[source, line] = excerpt if before is None else f"{before}\n{excerpt}"
        return texts, starts

    @cached_property
    def dates(self) -> tuple[IntArray, BoolArray]:
        """The time of each message, in microseconds since 1970 in UTC, and which rows have a readable one."""
        stamps = micros_of(self.column("created_date"))
        return as_ints(stamps, 0), ~as_bools(stamps.is_null())

    @cached_property
    def places(self) -> pa.Table:
        """PLACES of all rows."""
        names = [name for name in PLACES.names if name != "n_chars"]
        lengths = pc.utf8_length(self.column("text")).fill_null(0).cast(pa.int64())
        return self.messages.select(names).append_column(PLACES.field("n_chars"), lengths)

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of all texts."""
        return tokenise(self.column("text"))

    @cached_property
    def signs(self) -> Signs:
        """The signs between the tokens of all texts."""
        return signs(self.column("text"), self.tokens)

    @cached_property
    def marks(self) -> npt.NDArray[np.uint8]:
        """Flags of tokens that are numbers, or begin lines or sentences (kernels/layout.py)."""
        return mark(self.column("text"), self.tokens)

    @cached_property
    def shingles(self) -> Shingles:
        """The sets of hashed word 5-grams of all texts."""
        return shingle(self.tokens)

    @cached_property
    def prose(self) -> Prose:
        """The prose of each text (code and markup blanked), with letter counts by script."""
        return prose(self.column("text"))

    @cached_property
    def text_facts(self) -> pa.Table:
        """TEXT_FACTS of all rows."""
        if not len(self):
            return TEXT_FACTS.empty_table()
        column = self.column("text")
        # Anchored, so that the search ends at the first visible character.
        blank = pc.match_substring_regex(column, r"^[\s\p{Z}\p{C}]*$").fill_null(False)
        data, offsets = utf8(column)
        data = data[: offsets[-1]]
        at = kernels.suspects(data[offsets[0] :]) + offsets[0]
        lead = data[at]
        # In valid UTF-8 a lead byte has its followers; only single bytes are followed by a byte past the end.
        second, third = (data[np.minimum(at + k, len(data) - 1)] for k in (1, 2))
        lost = at[(lead == 0xEF) & (second == 0xBF) & (third == 0xBD)]
        control = at[(lead < 0x80) | ((lead == 0xC2) & (second < 0xA0))]
        facts = [blank, pc.is_in(column, value_set=pa.array(NAN))]
        for where in (lost, control):
            rows, first, counts = np.unique(
                np.searchsorted(offsets, where, side="right") - 1, return_index=True, return_counts=True
            )
            n, start = np.zeros(len(self), dtype=np.int64), np.full(len(self), -1)
            n[rows] = counts
            start[rows] = [
                len(data[offsets[r] : where[k]].tobytes().decode()) for r, k in zip(rows, first, strict=True)
            ]
            facts += [pa.array(n), pa.array(start)]
        thoughts = self.column("reasoning")
        with_thought = np.flatnonzero(as_bools(thoughts.is_valid()))
        is_thought, is_open = np.zeros((2, len(self)), dtype=bool)
        for row, text in zip(with_thought.tolist(), column.take(pa.array(with_thought)).to_pylist(), strict=True):
            if text and (thought := thought_in(text)) is not None:
                is_open[row] = thought.end is None
                is_thought[row] = thought.end is not None and not text[thought.end :].strip()
        facts += [pa.array(is_thought), pa.array(is_open)]
        digest = np.zeros(len(self), dtype=np.uint64)
        if self.column("branch").null_count < len(self):
            digest = digests(pc.utf8_trim_whitespace(column)) * MIXED + digests(pc.utf8_trim_whitespace(thoughts))
        facts.append(pa.array(digest))
        return pa.table(facts, schema=TEXT_FACTS)
