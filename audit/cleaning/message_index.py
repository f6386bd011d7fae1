"""What is known of all messages of a data set but their texts, in columns: who answers whom, and how good they are."""

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

_SPLITS = {"test": 0, "validation": 1}  # splits that results are measured on, and so are kept; all others come after


@dataclass
class MessageIndex:
    """What is known of all messages but their texts, in columns; a message is named by its row.

    Rows are in the order of the sources, and in each in that of `Format.flatten`.
    """

    plans: list[ReadPlan]  # of the sources
    source: IntArray  # number
    line: IntArray
    tree: IntArray  # number
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
    code: IntArray  # number of the id, below n_ids; each message without one has a number of its own from there on
    # A group is a set of messages of which one must stand, for what needs them to stand: those of one id in one tree,
    # and behind these (from n_homes on) those of one id wherever.
    home: IntArray  # group of the message's id in its own tree
    n_homes: int
    needs: IntArray  # group that the message's parent is of; -1: none is in the data
    holder: IntArray  # row that the message is written into; -1: none
    is_bound: BoolArray  # its record is one piece of several messages
    lost: list[tuple[int, int]]  # records that could not be read: source, line

    def __len__(self) -> int:
        return len(self.line)

    @cached_property
    def n_checkable(self) -> int:
        """Messages without those that are only context."""
        return int(np.count_nonzero(~self.is_context))

    @cached_property
    def _n_lines(self) -> int:
        """More than any source has."""
        return int(self.line.max(initial=0)) + 1

    @cached_property
    def _places(self) -> IntArray:
        return self.source * self._n_lines + self.line

    def at(self, source: int, line: int) -> range:
        """The rows of the record that stands there."""
        if line >= self._n_lines:
            return range(0)
        place = source * self._n_lines + line
        first, end = self._places.searchsorted((place, place + 1))
        return range(int(first), int(end))

    def rows_of(self, source: int) -> range:
        """The rows of a source."""
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

    def members(self, group: int) -> list[int]:
        """The rows of a group."""
        return _equal(self._by_home, group) if group < self.n_homes else _equal(self._by_code, group - self.n_homes)

    def needing(self, group: int) -> list[int]:
        """The rows whose parent is of this group."""
        return _equal(self._by_need, group)

    def held(self, row: int) -> list[int]:
        """The rows that are written into this one."""
        return _equal(self._by_holder, row)

    def tree_of(self, row: int) -> list[int]:
        """All rows of its tree."""
        return _equal(self._by_tree, int(self.tree[row]))

    def mates(self, row: int) -> range:
        """The rows of its record, where that is one piece of several messages."""
        return self.at(int(self.source[row]), int(self.line[row])) if self.is_bound[row] else range(0)

    @cached_property
    def main_root(self) -> IntArray:
        """The group of the first root of each tree; -1 where it has none."""
        found = np.full(int(self.tree.max(initial=-1)) + 1, -1)
        roots = np.flatnonzero(self.is_root)[::-1]  # of several values for one place the last one stays
        found[self.tree[roots]] = self.home[roots]
        return found


def _sorted(keys: IntArray) -> tuple[IntArray, IntArray]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _equal(column: tuple[IntArray, IntArray], key: int) -> list[int]:
    """The rows that have this key, in order."""
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
    """The structure of all messages; `formats` are the names of the sources' formats, among those that are `known`."""
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
    # The parent in the same tree; or else wherever it stands.
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
    """Raise ValueError where a file that was read to its end before could not be this time."""
    if source.errors:
        raise ValueError(f"{source.errors[0]}. Its checksum is that of the audit, so try again")


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
    """For each message of a block the row of the one that it is written into; -1: none."""
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
    """How many ids there are; the number of each message's, and of its parent's, -1 where that is none."""
    both = _numbered(pa.chunked_array([*ids.chunks, *parents.chunks], pa.string()))
    n_ids = int(both.max(initial=-1)) + 1
    code, parent = both[: len(ids)], both[len(ids) :]
    nameless = np.flatnonzero(code < 0)
    code[nameless] = n_ids + nameless
    return n_ids, code, parent


def _numbered(column: pa.ChunkedArray) -> IntArray:
    """The column as numbers, the same for the same value; -1: null."""
    chunks = column.dictionary_encode().unify_dictionaries().chunks
    return np.concatenate([np.zeros(0, dtype=np.int64), *(as_ints(chunk.indices, -1) for chunk in chunks)])


def _trees(ids: pa.ChunkedArray, place: IntArray, is_nested: BoolArray, form: IntArray) -> IntArray:
    """The number of each message's tree, as `Batch.tree` tells trees: a record, or what has one id within a form."""
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
    """0: test, 1: validation, 2: others; whatever word the name of the split is."""
    return _SPLITS.get(SPLIT_OF.get(name.lower(), ""), len(_SPLITS))
