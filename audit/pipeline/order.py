"""All findings of an audit in order, each with a unique fingerprint, the worst ones with evidence."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import BoolArray, IntArray, as_ints, digests, nth, rows_at, single
from ...checks.base.arrow.memory_map import forget
from ...checks.base.claims import fingerprint
from ...checks.base.findings import FINDINGS
from ...checks.base.places import is_place
from ...reports.counts import rows_of
from . import quotes

MAX_EVIDENCE = 10_000  # findings of a check whose quotes and conversations are kept
SLICE = 20_000  # findings in memory at a time

_TIES = ("check", "rule", "message_id", "fingerprint", "summary")  # the order of findings on one line


class Findings:
    """The findings of an audit, and the order in which they are reported: by sources, lines and rules.

    Only a few numbers per finding are in memory; the table may be memory-mapped.
    """

    def __init__(self, found: pa.Table, messages: pa.Table, sources: Sequence[str]) -> None:
        self._found = found
        # Fingerprints that replace those of the checks; 0: the check's own is used.
        self._renamed, keys = _named(found, messages)
        place = as_ints(single(pc.index_in(found["source"], value_set=pa.array(sources, pa.string()))), -1)
        line = as_ints(single(found["line"]), 0)
        self._order = np.lexsort((line, place))
        self._sort_ties(place, line)
        self._number(keys)
        forget()

    def __len__(self) -> int:
        return len(self._order)

    @cached_property
    def shown(self) -> BoolArray:
        """Positions of the findings whose evidence is kept: the worst of each check, ties by position."""
        severity = as_ints(single(self._found["severity"]), 0)[self._order]
        check = as_ints(single(self._found["check"].dictionary_encode().unify_dictionaries()).indices, -1)[self._order]
        worst = np.argsort(-severity, kind="stable")
        shown = np.zeros(len(self), dtype=bool)
        shown[worst] = nth(check[worst][np.newaxis]) < MAX_EVIDENCE
        return shown

    def at(self, places: IntArray | slice, columns: Sequence[str] = FINDINGS.names) -> pa.Table:
        """Return FINDINGS at some positions of the order, or some of its columns."""
        rows = self._order[places]
        table, renamed = rows_at(self._found.select(columns), rows), self._renamed[rows]
        if "fingerprint" in columns and renamed.any():
            prints = table["fingerprint"].to_pylist()
            for k in np.flatnonzero(renamed).tolist():
                prints[k] = f"{renamed[k]:016x}"
            column = columns.index("fingerprint")
            table = table.set_column(column, "fingerprint", pa.array(prints, pa.string()))
        return table

    def evidence(self) -> tuple[pa.Table, pa.Array]:
        """Return the shown findings that still lack quotes, and the trees of all shown ones."""
        places = np.flatnonzero(self.shown)
        later, trees = [FINDINGS.empty_table()], [pa.array([], pa.string())]
        for start in range(0, len(places), SLICE):
            table = self.at(places[start : start + SLICE])
            later.append(table.take(pa.array(quotes.unquoted(table))))
            trees.append(pc.unique(table["tree_id"]))
        return pa.concat_tables(later), pc.unique(pa.chunked_array(trees))

    def parts(self, quotable: Mapping[quotes.Key, quotes.Quotable]) -> Iterator[pa.RecordBatch]:
        """Yield all findings, about SLICE at a time, the shown ones with their quotes from `quotable`."""
        for start in range(0, len(self), SLICE):
            here = slice(start, start + SLICE)
            table = self.at(here)
            rows = quotes.unquoted(table)
            rows = rows[self.shown[here][rows]]
            if rows.size:
                others = np.delete(np.arange(len(table)), rows)
                both = pa.concat_tables(
                    [table.take(pa.array(others)), quotes.fill(table.take(pa.array(rows)), quotable)]
                )
                table = both.take(pa.array(np.argsort(np.concatenate([others, rows]))))
            yield from quotes.closed(table).to_batches()
            forget()

    def _sort_ties(self, place: IntArray, line: IntArray) -> None:
        """Sort the findings on each line."""
        place, line = place[self._order], line[self._order]
        is_new = np.append(True, (place[1:] != place[:-1]) | (line[1:] != line[:-1]))[: len(self)]
        starts = np.flatnonzero(is_new)
        group = np.cumsum(is_new)
        start = 0
        while start < len(self):
            # Whole lines: one line may have more findings than a slice.
            later = np.searchsorted(starts, min(start + SLICE, len(self)))
            end = int(starts[later]) if later < len(starts) else len(self)
            if not is_new[start:end].all():
                rows = self._order[start:end]
                keys = self.at(slice(start, end), _TIES).add_column(0, "", pa.array(group[start:end]))
                self._order[start:end] = rows[
                    pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names])
                ]
            start = end

    def _number(self, keys: npt.NDArray[np.uint64]) -> None:
        """Make fingerprints unique: number those that occur twice because a message id is used twice.

        The first keeps its fingerprint.
        """
        before = nth(keys.view(np.int64)[self._order][np.newaxis])
        again = np.flatnonzero(before)
        for start in range(0, len(again), SLICE):
            some = again[start : start + SLICE]
            prints = self.at(some, ["fingerprint"])["fingerprint"].to_pylist()
            unique = [fingerprint(name, str(n + 1)) for name, n in zip(prints, before[some].tolist(), strict=True)]
            self._renamed[self._order[some]] = np.array([int(name, 16) for name in unique], dtype=np.uint64)


def _named(found: pa.Table, messages: pa.Table) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return fingerprints made from the text of messages without an id, else 0; and a hash of each fingerprint.

    The place replaces a missing id, so one additional line would change the fingerprints of all findings after it.
    """
    columns = found.select(["message_id", "source", "line", "rule", "fingerprint"]).to_batches()
    keys = np.concatenate([np.zeros(0, dtype=np.uint64), *(digests(piece["fingerprint"]) for piece in columns)])
    renamed = np.zeros(found.num_rows, dtype=np.uint64)
    nameless = np.concatenate([np.zeros(0, dtype=bool), *(is_place(piece) for piece in columns)])
    placed = np.flatnonzero(nameless)
    if placed.size:
        at = rows_of(found, messages)[placed]
        placed, at = placed[at >= 0], at[at >= 0]
        digest = np.asarray(messages["digest"])[at]
        for start in range(0, len(placed), SLICE):
            some = placed[start : start + SLICE]
            rules = rows_at(found.select(["rule"]), some)["rule"].to_pylist()
            said = zip(rules, digest[start : start + SLICE].tolist(), strict=True)
            prints = [fingerprint(rule, f"digest {said_of}") for rule, said_of in said]
            renamed[some] = np.array([int(name, 16) for name in prints], dtype=np.uint64)
            keys[some] = digests(pa.array(prints, pa.string()))
    return renamed, keys
