"""Read files again and index their messages for `clean`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import BoolArray, IntArray, as_bools, as_ints, digests, micros_of, single
from ...checks.base.faults import FaultKind
from ...checks.base.statistics.agreement import labels
from ..engines import engine as engines
from ..progress import Progress
from ..reading import repair
from ..reading.blocks import cutting, tables
from ..reading.blocks.block import Block, Source, numbered
from ..reading.files import SPLIT_OF
from ..reading.formats import Format
from ..reading.parse import parse
from ..reading.recognise import NoRecords, ReadPlan, planned, recognise
from ..reading.streams import UnreadableSource
from .contents import content_hashes, contexts, numbered_contents
from .message_index import MessageIndex

_SPLITS = {"test": 0, "validation": 1}  # evaluation splits are kept before all others
KEPT_COLUMNS = ("tree_id", "message_id", "parent_id", "tree_state", "split")


class _BlockIndex(NamedTuple):
    """The structure of one block."""

    names: pa.Table  # KEPT_COLUMNS
    numbers: dict[str, npt.NDArray[Any]]
    lost: list[int]  # lines that could not be read


def index_messages(
    sources: Sequence[Source], formats: Mapping[str, str | None], known: Mapping[str, Format], progress: Progress
) -> MessageIndex:
    """Index all messages.

    `formats` names the format that the audit was given for each source, one of `known`; None: it is recognised.
    """
    plans, parts, of_part = _read(sources, formats, known, progress)
    sizes = [part.names.num_rows for part in parts]
    numbers: dict[str, Any] = {
        name: np.concatenate([part.numbers[name] for part in parts]) for name in (parts[0].numbers if parts else ())
    }
    starts = np.repeat(np.cumsum([0, *sizes])[:-1], sizes)
    names = pa.concat_tables([part.names for part in parts]).combine_chunks()
    source = np.repeat(np.array(of_part, dtype=np.int64), sizes)
    forms = [plan.format.form for plan in plans]
    record = source * (int(numbers["line"].max(initial=0)) + 1) + numbers["line"]
    tree = _trees(
        names["tree_id"],
        record,
        np.array([form.nested for form in forms])[source],
        np.array([forms.index(form) for form in forms])[source],
    )
    groups = _id_groups(tree, names["message_id"], names["parent_id"])
    is_full, content = numbers.pop("is_full"), numbers.pop("content")
    with_media = np.flatnonzero(numbers.pop("has_media"))
    content[with_media] = digests(pa.array(with_media).cast(pa.string()))  # equal to no other
    parents = _parents(groups)
    context = contexts(content, parents, record, numbers["is_bound"], numbers.pop("side"))
    return MessageIndex(
        plans=plans,
        source=source,
        tree=tree,
        ids=names["message_id"],
        tree_ids=names["tree_id"],
        state=_numbered(names["tree_state"]),
        split=_split_codes(names["split"]),
        holder=np.where(numbers["holder"] >= 0, numbers["holder"] + starts, -1),
        lost=[(number, line) for number, part in zip(of_part, parts, strict=True) for line in part.lost],
        text=numbered_contents(content, is_full),
        context=numbered_contents(context, is_full),
        **groups,
        **{name: values for name, values in numbers.items() if name != "holder"},
    )


def _read(
    sources: Sequence[Source], formats: Mapping[str, str | None], known: Mapping[str, Format], progress: Progress
) -> tuple[list[ReadPlan], list[_BlockIndex], list[int]]:
    """Return the plan of each source, and the parts of all blocks with the number of their source."""
    plans: list[ReadPlan] = []
    parts: list[_BlockIndex] = []
    of_part: list[int] = []
    with engines.start() as engine:
        for number, source in enumerate(sources):
            try:
                plan = recognise(source, formats[source.name], known)
            except NoRecords:  # an empty shard among others
                plan = planned(next(iter(known)), known, ())
            except UnreadableSource as error:
                raise ValueError(f"{source.name}: {error}") from None
            plans.append(plan)

            def of_block(block: Block, plan: ReadPlan = plan) -> _BlockIndex:
                return _structure(block, plan)

            for part in engine.map(of_block, cutting.blocks(source, watch=progress.advance, again=True)):
                parts.append(part)
                of_part.append(number)
            refuse_unread(source)
    return plans, parts, of_part


def _id_groups(tree: IntArray, ids: pa.ChunkedArray, parent_ids: pa.ChunkedArray) -> dict[str, Any]:
    """Return the columns of `MessageIndex` about ids and parents."""
    n_ids, code, parent = _codes(ids, parent_ids)
    n_codes = n_ids + len(code)
    homes, home = np.unique(tree * (n_codes + 1) + code, return_inverse=True)
    # The parent in the same tree, or else anywhere.
    wanted = tree * (n_codes + 1) + parent
    at = np.minimum(np.searchsorted(homes, wanted), max(0, len(homes) - 1))
    is_home = (parent >= 0) & (homes[at] == wanted)
    exists = np.bincount(code, minlength=n_codes)[parent] > 0
    return {
        "is_root": np.asarray(parent < 0),
        "n_ids": n_ids,
        "code": code,
        "home": home.reshape(-1),
        "n_homes": len(homes),
        "needs": np.where(is_home, at, np.where((parent >= 0) & exists, len(homes) + parent, -1)),
    }


def _parents(groups: Mapping[str, Any]) -> IntArray:
    """Return the row of each message's parent, the first one with its id; -1: none."""
    home, code, needs = groups["home"], groups["code"], groups["needs"]
    rows = np.arange(len(needs))[::-1]  # of several values for one place the last one wins
    first = np.full(groups["n_homes"] + int(code.max(initial=-1)) + 1, -1)
    first[groups["n_homes"] + code[rows]] = rows
    first[home[rows]] = rows
    return np.where(needs >= 0, first[needs], -1)


def refuse_unread(source: Source) -> None:
    """Raise ValueError if a file that the audit could read to its end could not be read again."""
    if source.errors:
        raise ValueError(f"{source.errors[0]}. Its checksum has not changed since the audit, so try again")


def _structure(block: Block, plan: ReadPlan) -> _BlockIndex:
    parsed = parse(block, plan)
    table = parsed.messages.combine_chunks()
    n = table.num_rows

    def column(name: str) -> pa.Array:
        return single(table[name])

    line = as_ints(column("line"), 0)
    starts = np.append(True, line[1:] != line[:-1])[:n]
    record = np.cumsum(starts) - 1
    content, is_full = content_hashes(table)
    numbers: dict[str, Any] = {
        "line": line,
        "content": content,
        "is_full": is_full,
        "has_media": as_bools(column("media").is_valid()),
        "side": digests(column("branch")),
        "is_context": as_bools(column("is_context")),
        "n_chars": as_ints(pc.utf8_length(column("text")), 0),
        "rank": np.asarray(column("rank").cast(pa.float64(), safe=False).fill_null(np.inf)),
        "quality": labels(column("labels"), "quality")[0],
        "is_accepted": as_bools(column("review_result")),
        "n_reviews": as_ints(column("review_count"), 0),
        "created": np.asarray(micros_of(column("created_date")).cast(pa.float64(), safe=False).fill_null(np.inf)),
        "is_bound": (np.bincount(record)[record] > 1) & plan.format.is_whole,
        "holder": np.full(n, -1) if plan.format.is_whole else _holders(block, plan),
    }
    assert len(numbers["holder"]) == n
    faults = zip(*(parsed.faults[name].to_pylist() for name in ("kind", "line")), strict=True)
    lost = list(dict.fromkeys(at for kind, at in faults if kind == FaultKind.UNREADABLE_LINE))
    return _BlockIndex(table.select(KEPT_COLUMNS), numbers, lost)


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
