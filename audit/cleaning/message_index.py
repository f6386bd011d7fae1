"""All messages of a data set without their texts, as columns: parents, trees, ranks, labels. Used by `clean`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import BoolArray, IntArray, as_bools, as_ints, single
from ...checks.base.faults import FaultKind
from ...checks.base.statistics.agreement import FloatArray, labels
from ..engines import engine as engines
from ..progress import Progress
from ..reading import repair
from ..reading.blocks import cutting, tables
from ..reading.blocks.block import Block, Source, numbered
from ..reading.files import SPLIT_OF
from ..reading.formats import Format
from ..reading.parse import parse
from ..reading.recognise import ReadPlan, recognise
from ..reading.streams import UnreadableSource

_SPLITS = {"test": 0, "validation": 1}  # evaluation splits are kept before all others


@dataclass
class MessageIndex:
    """Columns of all messages; a row number identifies a message.

    Rows are in the order of the sources, and within a source in the order of `Format.flatten`.
    """

    plans: list[ReadPlan]  # one per source
    source: IntArray  # number of the source
    line: IntArray
    tree: IntArray  # number of the tree
    ids: pa.ChunkedArray
    tree_ids: pa.ChunkedArray
    state: IntArray  # number of the tree state
    is_root: BoolArray
    is_context: BoolArray
    n_chars: IntArray
    rank: FloatArray  # infinite: none
    quality: FloatArray  # NaN: none
    is_accepted: BoolArray
    n_reviews: IntArray
    split: IntArray  # 0: test, 1: validation, 2: others
    n_ids: int
    code: IntArray  # number of the id, below n_ids; each message without an id has its own number from there on
    # An id group is a set of messages with one id, of which one must be left for the replies to stay: first the groups
    # within one tree, then (from n_homes on) those across all trees.
    home: IntArray  # group of the message's id in its own tree
    n_homes: int
    needs: IntArray  # group of the message's parent; -1: the parent is missing
    holder: IntArray  # row of the message that contains this one in a nested record; -1: none
    is_bound: BoolArray  # the record has several messages that cannot be separated
    lost: list[tuple[int, int]]  # records that could not be read: source, line

    def __len__(self) -> int:
        return len(self.line)

    @cached_property
    def n_checkable(self) -> int:
        """Messages without those that are only context."""
        return int(np.count_nonzero(~self.is_context))

    @cached_property
    def _n_lines(self) -> int:
        """Upper bound of line numbers."""
        return int(self.line.max(initial=0)) + 1

    @cached_property
    def _places(self) -> IntArray:
        return self.source * self._n_lines + self.line

    def at(self, source: int, line: int) -> range:
        """Return the rows of the record at this place."""
        if line >= self._n_lines:
            return range(0)
        place = source * self._n_lines + line
        first, end = self._places.searchsorted((place, place + 1))
        return range(int(first), int(end))

    def rows_of(self, source: int) -> range:
        """Return the rows of a source."""
        first, end = self.source.searchsorted((source, source + 1))
        return range(int(first), int(end))

    @cached_property
    def _by_need(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.needs)

    @cached_property
    def _by_holder(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.holder)

    @cached_property
    def _by_tree(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.tree)

    @cached_property
    def _by_home(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.home)

    @cached_property
    def _by_code(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.code)

    def groups_of(self, row: int) -> tuple[int, int]:
        """Return the id groups of a row: in its tree, and across all trees."""
        return int(self.home[row]), self.n_homes + int(self.code[row])

    def members(self, group: int) -> list[int]:
        """Return the rows of an id group."""
        return _equal(self._by_home, group) if group < self.n_homes else _equal(self._by_code, group - self.n_homes)

    def needing(self, group: int) -> list[int]:
        """Return the replies to an id group."""
        return _equal(self._by_need, group)

    def held(self, row: int) -> list[int]:
        """Return the rows that a nested record contains directly below this one."""
        return _equal(self._by_holder, row)

    def tree_of(self, row: int) -> list[int]:
        """Return all rows of the same tree."""
        return _equal(self._by_tree, int(self.tree[row]))

    def subtree(self, row: int) -> set[int]:
        """Return the row and all rows below it, also if another message has its id."""
        found = {row}
        stack = [row]
        while stack:
            at = stack.pop()
            for other in (*self.needing(int(self.home[at])), *self.held(at)):
                if other not in found:
                    found.add(other)
                    stack.append(other)
        return found

    def mates(self, row: int) -> range:
        """Return the rows that cannot be separated from this one."""
        return self.at(int(self.source[row]), int(self.line[row])) if self.is_bound[row] else range(0)

    @cached_property
    def main_root(self) -> IntArray:
        """Id group of the first root of each tree; -1 if there is none."""
        found = np.full(int(self.tree.max(initial=-1)) + 1, -1)
        roots = np.flatnonzero(self.is_root)[::-1]  # of several values for one place the last one wins
        found[self.tree[roots]] = self.home[roots]
        return found


def _sorted(keys: IntArray) -> tuple[IntArray, IntArray]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _equal(column: tuple[IntArray, IntArray], key: int) -> list[int]:
    """Return the rows with this key, in order."""
    keys, order = column
    first, end = keys.searchsorted((key, key + 1))
    rows: list[int] = order[first:end].tolist()
    return rows


KEPT_COLUMNS = ("tree_id", "message_id", "parent_id", "tree_state", "split")


class _Part(NamedTuple):
    """The structure of one block."""

    names: pa.Table  # KEPT_COLUMNS
    numbers: dict[str, npt.NDArray[Any]]
    lost: list[int]  # lines that could not be read


def index_messages(
    sources: Sequence[Source], formats: Sequence[str], known: Mapping[str, Format], progress: Progress
) -> MessageIndex:
    """Index all messages; `formats` names the format of each source, one of `known`."""
    plans: list[ReadPlan] = []
    parts: list[_Part] = []
    of_source: list[int] = []
    with engines.start() as engine:
        for number, (source, format) in enumerate(zip(sources, formats, strict=True)):
            try:
                plan = recognise(source, format, known)
            except UnreadableSource as error:
                raise ValueError(f"{source.name}: {error}") from None
            plans.append(plan)

            def of_block(block: Block, plan: ReadPlan = plan) -> _Part:
                return _structure(block, plan)

            for part in engine.map(of_block, cutting.blocks(source, watch=progress.advance, again=True)):
                parts.append(part)
                of_source.append(number)
            refuse_unread(source)
    sizes = [part.names.num_rows for part in parts]
    numbers = {
        name: np.concatenate([part.numbers[name] for part in parts]) for name in (parts[0].numbers if parts else ())
    }
    starts = np.repeat(np.cumsum([0, *sizes])[:-1], sizes)
    names = pa.concat_tables([part.names for part in parts]).combine_chunks()
    at_source = np.repeat(np.array(of_source, dtype=np.int64), sizes)
    kinds = [plan.format.form for plan in plans]
    tree = _trees(
        names["tree_id"],
        at_source * (int(numbers["line"].max(initial=0)) + 1) + numbers["line"],
        np.array([form.nested for form in kinds])[at_source],
        np.array([kinds.index(form) for form in kinds])[at_source],
    )
    n_ids, code, parents = _codes(names["message_id"], names["parent_id"])
    homes, home = np.unique(tree * (n_ids + len(code) + 1) + code, return_inverse=True)
    # The parent in the same tree, or else anywhere.
    wanted = tree * (n_ids + len(code) + 1) + parents
    at = np.minimum(np.searchsorted(homes, wanted), max(0, len(homes) - 1))
    is_home = (parents >= 0) & (homes[at] == wanted)
    exists = np.bincount(code, minlength=n_ids + len(code))[parents] > 0
    needs = np.where(is_home, at, np.where((parents >= 0) & exists, len(homes) + parents, -1))
    return MessageIndex(
        plans=plans,
        source=at_source,
        tree=tree,
        ids=names["message_id"],
        tree_ids=names["tree_id"],
        state=_numbered(names["tree_state"]),
        is_root=np.asarray(parents < 0),
        split=_split_codes(names["split"]),
        n_ids=n_ids,
        code=code,
        home=home.reshape(-1),
        n_homes=len(homes),
        needs=needs,
        holder=np.where(numbers["holder"] >= 0, numbers["holder"] + starts, -1),
        lost=[(number, line) for number, part in zip(of_source, parts, strict=True) for line in part.lost],
        **{name: values for name, values in numbers.items() if name != "holder"},
    )


def refuse_unread(source: Source) -> None:
    """Raise ValueError if a file that the audit could read to its end could not be read again."""
    if source.errors:
        raise ValueError(f"{source.errors[0]}. Its checksum has not changed since the audit, so try again")


def _structure(block: Block, plan: ReadPlan) -> _Part:
    parsed = parse(block, plan)
    table = parsed.messages.combine_chunks()
    n = table.num_rows

    def column(name: str) -> pa.Array:
        return single(table[name])

    line = as_ints(column("line"), 0)
    starts = np.append(True, line[1:] != line[:-1])[:n]
    record = np.cumsum(starts) - 1
    numbers = {
        "line": line,
        "is_context": as_bools(column("is_context")),
        "n_chars": as_ints(pc.utf8_length(column("text")), 0),
        "rank": np.asarray(column("rank").cast(pa.float64(), safe=False).fill_null(np.inf)),
        "quality": labels(column("labels"), "quality")[0],
        "is_accepted": as_bools(column("review_result")),
        "n_reviews": as_ints(column("review_count"), 0),
        "is_bound": (np.bincount(record)[record] > 1) & plan.format.is_whole,
        "holder": np.full(n, -1) if plan.format.is_whole else _holders(block, plan),
    }
    assert len(numbers["holder"]) == n
    faults = zip(*(parsed.faults[name].to_pylist() for name in ("kind", "line")), strict=True)
    lost = list(dict.fromkeys(at for kind, at in faults if kind == FaultKind.UNREADABLE_LINE))
    return _Part(table.select(KEPT_COLUMNS), numbers, lost)


def _holders(block: Block, plan: ReadPlan) -> IntArray:
    """Return for each message of a block the row of the message that contains it; -1: none."""
    if isinstance(block.data, pa.Table):
        records = tables.table_records(block.data)[0]
    else:
        records = [record for _, line in numbered(block) if (record := repair.read_line(line)[0]) is not None]
    holders: list[int] = []
    for record in records:
        first = len(holders)
        holders += [holder if holder < 0 else first + holder for holder in plan.format.holders(record)]
    return np.array(holders, dtype=np.int64)


def _codes(ids: pa.ChunkedArray, parents: pa.ChunkedArray) -> tuple[int, IntArray, IntArray]:
    """Return the number of ids, the number of each message's id, and that of its parent's (-1: none)."""
    both = _numbered(pa.chunked_array([*ids.chunks, *parents.chunks], pa.string()))
    n_ids = int(both.max(initial=-1)) + 1
    code, parent = both[: len(ids)], both[len(ids) :]
    nameless = np.flatnonzero(code < 0)
    code[nameless] = n_ids + nameless
    return n_ids, code, parent


def _numbered(column: pa.ChunkedArray) -> IntArray:
    """Return a column as numbers, equal for equal values; -1: null."""
    chunks = column.dictionary_encode().unify_dictionaries().chunks
    return np.concatenate([np.zeros(0, dtype=np.int64), *(as_ints(chunk.indices, -1) for chunk in chunks)])


def _trees(ids: pa.ChunkedArray, place: IntArray, is_nested: BoolArray, form: IntArray) -> IntArray:
    """Return the number of each message's tree: a record, or the messages with one tree id, as `Batch.tree` does."""
    codes = _numbered(ids)
    keys = np.where(is_nested, place, np.where(codes < 0, np.arange(len(codes)), codes))
    kind = np.where(is_nested, 0, np.where(codes < 0, 1, 2 + form))
    return np.unique(kind * (int(keys.max(initial=0)) + 1) + keys, return_inverse=True)[1].reshape(-1)


def _split_codes(column: pa.ChunkedArray) -> IntArray:
    encoded = column.dictionary_encode().unify_dictionaries()
    values: list[str] = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    codes = np.array([*(split_code(value) for value in values), len(_SPLITS)])
    return codes[_numbered(column)]


def split_code(name: str) -> int:
    """Return 0 for a test split, 1 for validation, 2 for others; synonyms of their names count."""
    return _SPLITS.get(SPLIT_OF.get(name.lower(), ""), len(_SPLITS))
