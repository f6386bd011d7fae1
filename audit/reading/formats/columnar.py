"""Records with whole conversations to MESSAGES, a block at a time: the usual shapes of the usual formats.

`Described` reads single records. This does the same for all records of a block at once, as far as they contain nothing
but roles and texts. A record with anything more (calls, blocks, markup of templates, a second format that fits) is left
out, and read on its own.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....checks.base.arrow.columns import BoolArray, IntArray, as_bools, single, utf8
from ....checks.base.text.thought import thought_in
from . import templates
from .base import Format
from .calls import MARK, MARK_STARTS, marked_calls
from .columns import completed, fit
from .described import MEDIA, Described
from .languages import language_of
from .parts import SYSTEM_MARK
from .paths import EACH, Path, below
from .turns import BESIDES, CALLING, known_role

MAX_DEPTH = 100  # of nested columns
LARGE = 2**53  # whole numbers from here on are not exact as doubles

# First bytes of characters that Python strips as white space.
_SPACES = np.zeros(256, dtype=bool)
_SPACES[[*range(9, 14), *range(28, 33), 0xC2, 0xE1, 0xE2, 0xE3]] = True
_JSON = b"[{"
_THOUGHTS = b"<["

# What a setting never finds a value in, by its type.
_NEVER_NUMBERS = frozenset(
    ("turns", "texts", "transcript", "prompt", "document", "answer", "answers", "steps", "chosen", "rejected", "a", "b")
)
_ONLY_LISTS = frozenset(("turns", "texts", "steps"))  # a text is a list only if it is JSON


# -- raw columns -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Raw:
    """The raw columns of a block."""

    n: int
    columns: dict[str, pa.Array]

    @classmethod
    def of(cls, table: pa.Table) -> "Raw":
        """Return the columns of a table that have any value.

        Raises
        ------
        ArrowInvalid
            If two columns have one name, or a column has a type that records do not have.
        """
        if len(set(table.column_names)) < table.num_columns:
            raise pa.ArrowInvalid("several columns have one name")
        columns = {}
        for name in table.column_names:
            column = single(table[name])
            if not _is_plain(column.type):
                raise pa.ArrowInvalid(f"{name} is {column.type}")
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            if pa.types.is_temporal(column.type):  # as `table_records` has them
                column = fit(column, pa.string())
            if column.null_count < len(column):
                columns[name] = column
        return cls(table.num_rows, columns)

    def texts(self, path: Path) -> pa.Array | None:
        """Return the column at a path if it is a text, or null."""
        column = self.at(path)
        return fit(column, pa.string()) if column is not None and is_text(column.type) else None

    def at(self, path: Path) -> pa.Array | None:
        """Return the column at a path of names; None: there is none."""
        column = self.columns.get(path.steps[0])  # type: ignore[arg-type]
        for step in path.steps[1:]:
            if column is None or not isinstance(step, str) or not pa.types.is_struct(column.type):
                return None
            if column.type.get_field_index(step) < 0:
                return None
            column = pc.struct_field(column, [column.type.get_field_index(step)])
        return column

    def has(self, path: Path, setting: str = "") -> BoolArray:
        """Return the records that may have a value at a path; and one that fits a setting."""
        column = self.columns.get(path.steps[0])  # type: ignore[arg-type]
        found = None if column is None else _has(column, path.steps[1:], setting)
        return np.zeros(self.n, dtype=bool) if found is None else found

    def has_any(self, paths: Sequence[Path], setting: str = "") -> BoolArray:
        """Return the records that may have a value at any of these paths."""
        held = np.zeros(self.n, dtype=bool)
        for path in paths:
            if path.steps[0] in self.columns:
                held |= self.has(path, setting)
        return held


def is_text(kind: pa.DataType) -> bool:
    """Whether a column contains strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a type has the values of JSON, or none that is a text; dates are texts at the top of a record."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return _is_nested_plain(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind)


_SIMPLE = (
    *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating),
    *(pa.types.is_decimal, pa.types.is_binary, pa.types.is_large_binary),
)


def _is_nested_plain(kind: pa.DataType) -> bool:
    level, depth = [kind], 0
    while level and depth < MAX_DEPTH:
        below = []
        for each in level:
            if pa.types.is_struct(each):
                if len({f.name for f in each}) < each.num_fields:
                    return False
                below += [f.type for f in each]
            elif _is_list(each):
                below.append(each.value_type)
            elif pa.types.is_map(each):
                below += [each.key_type, each.item_type]
            elif not (is_text(each) or any(is_kind(each) for is_kind in _SIMPLE)):
                return False
        level, depth = below, depth + 1
    return not level


def _has(column: pa.Array, steps: Sequence[str | int], setting: str) -> BoolArray | None:
    """Return where there may be a value behind these steps, as `paths.get` follows them; None: nowhere."""
    kind = column.type
    if pa.types.is_null(kind):
        return None
    if not steps:
        is_number = not (is_text(kind) or _is_list(kind) or pa.types.is_struct(kind))
        if is_number and setting in _NEVER_NUMBERS:
            return None
        if is_text(kind) and setting == "answers":
            return None
        if is_text(kind) and setting in _ONLY_LISTS:
            return begins(column, _JSON)
        if setting == "transcript":
            return may_be_rendered(fit(column, pa.string())) if is_text(kind) else None
        return as_bools(column.is_valid())
    if is_text(kind):
        return begins(column, _JSON)
    step = steps[0]
    if pa.types.is_struct(kind):
        if isinstance(step, int):  # a list in columns
            is_lists = all(_is_list(f.type) for f in kind) and kind.num_fields
            return as_bools(column.is_valid()) if is_lists else None
        at = kind.get_field_index(step)
        return None if at < 0 else _has(pc.struct_field(column, [at]), steps[1:], setting)
    if _is_list(kind) and isinstance(step, int):
        inner = _has(pc.list_flatten(column), steps[1:], "" if step == EACH else setting)
        if inner is None:
            return None
        rows = np.asarray(pc.list_parent_indices(column), dtype=np.int64)
        return np.bincount(rows[inner], minlength=len(column)).astype(bool)
    if pa.types.is_map(kind):
        return as_bools(column.is_valid())
    return None


# -- texts -----------------------------------------------------------------------------------------------------------


def begins(column: pa.Array, characters: bytes) -> BoolArray:
    """Return the texts whose first character after white space is one of these, or which may be such a text."""
    column = fit(column, pa.string())
    first = _first_bytes(column)
    table = np.zeros(256, dtype=bool)
    table[list(characters)] = True
    found: BoolArray = table[first]
    spaced = np.flatnonzero(_SPACES[first])
    if spaced.size:
        rest = _first_bytes(pc.utf8_ltrim_whitespace(column.take(pa.array(spaced))))
        found[spaced] = table[rest] | _SPACES[rest] & (rest < 128)
    return found


def _has_characters(column: pa.Array) -> BoolArray:
    """Return the texts that are neither null nor empty."""
    return as_bools(pc.not_equal(pc.binary_length(column), 0))


def _first_bytes(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the first byte of each text; 0 if it is empty."""
    data, offsets = utf8(column)
    if not len(data):
        return np.zeros(len(column), dtype=np.uint8)
    return np.where(offsets[1:] > offsets[:-1], data[np.minimum(offsets[:-1], len(data) - 1)], 0)


def may_be_rendered(column: pa.Array) -> BoolArray:
    """Return the texts that begin as a conversation in the markup of a template does."""
    found = as_bools(pc.match_substring_regex(column, templates.MAY_BEGIN))
    at = np.flatnonzero(found)
    if at.size:
        found[at] = [templates.begins(text) for text in column.take(pa.array(at)).to_pylist()]
    return found


def thoughts(column: pa.Array, where: BoolArray) -> pa.Array:
    """Return the reasoning at the start of some texts, null for the others."""
    at = np.flatnonzero(where & begins(column, _THOUGHTS))
    found = [thought_in(text) for text in column.take(pa.array(at)).to_pylist()]
    values = pa.array([None if thought is None else thought.text for thought in found], pa.string())
    places = np.full(len(column), -1)
    places[at] = np.arange(len(at))
    return values.take(pa.array(places, mask=places < 0))


def has_calls(column: pa.Array) -> BoolArray:
    """Return the texts that contain calls, or are one."""
    found = np.zeros(len(column), dtype=bool)
    data, offsets = utf8(column)
    data, offsets = data[offsets[0] : offsets[-1]], offsets - offsets[0]
    # Every mark starts with one of two rare characters, which NumPy finds faster than any search finds the marks.
    for first, seconds in MARK_STARTS.items():
        at = np.flatnonzero(data[:-1] == first)
        at = at[np.isin(data[at + 1], list(seconds))]
        rows = np.unique(np.searchsorted(offsets, at, side="right") - 1)
        if rows.size:
            found[rows] |= as_bools(pc.match_substring_regex(column.take(pa.array(rows)), MARK.pattern))
    rows = np.flatnonzero(begins(column, b"["))
    if rows.size:
        found[rows] |= [bool(marked_calls(text)) for text in column.take(pa.array(rows)).to_pylist()]
    return found


# -- which columns contain what --------------------------------------------------------------------------------------


class Said(NamedTuple):
    """Strings of a column that occur in the messages of their records."""

    is_whole: BoolArray  # by record: as the text of a message
    is_part: BoolArray | None = None  # within one


@dataclass
class Layout:
    """The columns of a block that contain its conversations, as one specification names them."""

    odd: BoolArray  # records that are read one by one
    turns: Path | None = None
    role: str = ""  # of a turn
    text: str = ""
    parts: dict[str, tuple[Path, pa.Array]] = field(default_factory=dict)  # path and texts by setting

    def said(self) -> dict[tuple[str | int, ...], Said]:
        """Return how the texts of these columns occur in messages, by the names that lead to them."""
        every = np.ones(len(self.odd), dtype=bool)
        found = {path.steps: Said(every) for path, _ in self.parts.values()}
        if self.turns is not None:
            found[*self.turns.steps, EACH, self.text] = Said(every)
        if "system" in self.parts:
            path, system = self.parts["system"]
            found[path.steps] = Said(_has_characters(system))
        if "input" in self.parts:
            path, given = self.parts["input"]
            is_given = _has_characters(given)
            found[path.steps] = Said(~every, is_given)
            found[self.parts["prompt"][0].steps] = Said(~is_given, is_given)
        return found


_SETTINGS = {
    "document": ("document", "context"),
    "turns": ("turns", "system"),
    "prompt": ("prompt", "answer", "input", "system"),
}
_HARMLESS = frozenset(("id", "lang", "split", "others", "role", "text"))
# Of several answers, which are none of the settings above.
_HARMLESS |= {"better", "preference", "score_a", "score_b", "rank", "score", "best", "model"}


def kind_of(format: Described) -> str | None:
    """Return what a conversation starts with in this format; None if only single records can be read."""
    kind = next((each for each in _SETTINGS if each in format.spec.paths), None)
    if kind is None or not set(format.needs) <= set(_SETTINGS[kind]) or kind not in format.needs:
        return None
    return kind


def layout_of(raw: Raw, format: Described) -> Layout:
    """Find the columns with the conversations.

    Raises
    ------
    ArrowInvalid
        If there are none that can be read as columns.
    """
    kind, paths = kind_of(format), format.spec.paths
    if kind is None:
        raise pa.ArrowInvalid(f"{format.name} is read record by record")
    layout = Layout(np.zeros(raw.n, dtype=bool))
    for setting, own in paths.items():
        if setting not in _SETTINGS[kind] and setting not in _HARMLESS:
            layout.odd |= raw.has_any(own)
    if kind == "turns":
        layout.turns = _first(raw, paths["turns"], "turns", layout.odd)
        if layout.turns is None:
            raise pa.ArrowInvalid("no column has turns")
        _name_fields(layout, raw, format)
    for setting in _SETTINGS[kind]:
        if setting not in paths or setting == "turns":
            continue
        own = paths[setting]
        if setting == "input":  # the prompt may be all the input that there is
            own = tuple(path for path in own if path != layout.parts["prompt"][0])
        path = _first(raw, own, setting, layout.odd)
        column = None if path is None else raw.texts(path)
        if path is not None and column is not None:
            layout.parts[setting] = (path, column)
        if setting == "answer" or setting in format.needs:
            if column is None:
                raise pa.ArrowInvalid(f"no column has {setting}")
            layout.odd |= ~as_bools(column.is_valid())
    if kind != "document":
        for name in MEDIA:
            if name in raw.columns:
                layout.odd |= as_bools(raw.columns[name].is_valid())
    return layout


def _first(raw: Raw, paths: Sequence[Path], setting: str, odd: BoolArray) -> Path | None:
    """Return the first path with texts or turns in any record; records with a value elsewhere and none here are odd."""
    for path in paths:
        held = raw.has(path, setting if setting in ("turns", "prompt", "answer", "document") else "")
        if not held.any():
            continue
        column = raw.at(path)
        if column is not None and (_is_list(column.type) if setting == "turns" else is_text(column.type)):
            # Where this one is null, another may have the value.
            odd |= raw.has_any([other for other in paths if other != path]) & ~as_bools(column.is_valid())
            return path
        odd |= held
    return None


def _name_fields(layout: Layout, raw: Raw, format: Described) -> None:
    """Find the fields of the turns."""
    assert layout.turns is not None
    kind = raw.at(layout.turns).type.value_type  # type: ignore[union-attr]
    fields = format.turn_fields
    if not pa.types.is_struct(kind):
        raise pa.ArrowInvalid("turns are not objects")
    texts = [f.name for f in kind if is_text(f.type)]
    role, text = (next((n for n in names if n in texts), None) for names in (fields.role, fields.text))
    if role is None or text is None:
        raise pa.ArrowInvalid("turns have no role or no text")
    layout.role, layout.text = role, text


def may_fit(raw: Raw, format: Format, names: Collection[str]) -> BoolArray:
    """Return the records that a format may fit; `names` are all columns, also those without a value."""
    if not isinstance(format, Described):
        return np.full(raw.n, format.may_have(names))
    held = np.full(raw.n, format.needs_all)
    for name in format.needs:
        paths = format.spec.paths[name]
        found = raw.has_any(paths, name)
        if name in ("chosen", "rejected") and any(path.steps[0] in names for path in paths):  # one side may be null
            other = "rejected" if name == "chosen" else "chosen"
            found |= raw.has_any(format.spec.paths.get(other, ()))
        held = held & found if format.needs_all else held | found
    return held


# -- messages --------------------------------------------------------------------------------------------------------


def shared_columns(
    raw: Raw, format: Described, languages: Sequence[Path], odd: BoolArray, places: Callable[[], pa.Array]
) -> dict[str, pa.Array]:
    """Return id, language and split of each record; mark those as odd that have other values there."""
    ids = pa.nulls(raw.n, pa.string())
    for path in format.ids:
        column = raw.at(path)
        if column is None:
            odd |= raw.has(path)
            continue
        is_open, held = as_bools(ids.is_null()), as_bools(column.is_valid())
        if is_text(column.type):
            column = fit(column, pa.string())
            odd |= is_open & held & as_bools(pc.equal(pc.binary_length(column), 0))
        elif pa.types.is_floating(column.type):
            numbers = np.asarray(column.cast(pa.float64()).fill_null(0.0))
            with np.errstate(invalid="ignore"):
                is_whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < LARGE)
            odd |= is_open & ~is_whole
            column = pa.array(np.where(is_whole, numbers, 0).astype(np.int64), mask=~held).cast(pa.string())
        elif pa.types.is_integer(column.type):
            column = column.cast(pa.string())
        else:
            odd |= is_open & held
            continue
        ids = pc.coalesce(ids, column)
    splits = pa.nulls(raw.n, pa.string())
    for path in format.splits:
        column = raw.texts(path)
        if column is None:
            odd |= raw.has(path)
        else:
            splits = pc.coalesce(splits, column)
    tags = pa.nulls(raw.n, pa.string())
    for path in languages:
        column = raw.texts(path)
        if column is None:
            odd |= raw.has(path)
            continue
        encoded = column.dictionary_encode()
        known = pa.array([language_of(value) for value in encoded.dictionary.to_pylist()], pa.string())
        tags = pc.coalesce(tags, known.take(encoded.indices))
    return {"tree_id": pc.coalesce(ids, places()) if ids.null_count else ids, "lang": tags, "split": splits}


def documents(layout: Layout, shared: dict[str, pa.Array]) -> tuple[pa.Table, IntArray]:
    """Return each document, with the text that it answers before it."""
    n = len(layout.odd)
    _, texts = layout.parts["document"]
    nothing = pa.nulls(n, pa.string())
    contexts = layout.parts["context"][1] if "context" in layout.parts else nothing
    has_context = as_bools(contexts.is_valid())
    rows = np.flatnonzero(~layout.odd)
    kept = pa.array(rows)
    ids = shared["tree_id"]
    above_ids = pc.binary_join_element_wise(ids, "#context", "")
    columns = shared | {
        "message_id": ids,
        "parent_id": pc.if_else(pa.array(has_context), above_ids, nothing),
        "text": texts,
    }
    below = completed({name: column.take(kept) for name, column in columns.items()}, len(rows))
    above_rows = np.flatnonzero(~layout.odd & has_context)
    if not above_rows.size:
        return below, rows
    columns = {"tree_id": ids, "message_id": above_ids, "text": contexts}
    above = {name: column.take(pa.array(above_rows)) for name, column in columns.items()}
    above["is_context"] = pa.repeat(True, len(above_rows))
    every = np.concatenate([above_rows, rows])
    order = np.argsort(every, kind="stable")
    both = pa.concat_tables([completed(above, len(above_rows)), below])
    return both.take(pa.array(order)).combine_chunks(), every[order]


def conversations(
    layout: Layout, raw: Raw, format: Described, shared: dict[str, pa.Array]
) -> tuple[pa.Table, IntArray]:
    """Return the messages of lists of turns."""
    assert layout.turns is not None
    lists = raw.at(layout.turns)
    assert lists is not None
    items = pc.list_flatten(lists)
    rows = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
    layout.odd |= as_bools(pc.equal(pc.list_value_length(lists), 0)) | as_bools(lists.is_null())
    held = {f.name: column for f, column in zip(items.type, items.flatten(), strict=True)}
    fields = format.turn_fields
    looked_at = {*fields.role, *fields.text, *BESIDES} - {layout.role, layout.text}
    is_odd = as_bools(held[layout.role].is_null()) | as_bools(held[layout.text].is_null())
    for name in looked_at & held.keys():
        is_odd |= as_bools(held[name].is_valid())
    texts = fit(held[layout.text], pa.string())
    encoded = fit(held[layout.role], pa.string()).dictionary_encode()
    written = encoded.dictionary.to_pylist()
    roles = [known_role(role, fields) for role in written]
    codes = np.asarray(encoded.indices.fill_null(0), dtype=np.int64)
    if not roles:
        raise pa.ArrowInvalid("no turn has a role")
    is_odd |= np.array([role.strip().lower() in CALLING for role in written])[codes]
    is_answer = np.array([role == "assistant" for role in roles])[codes]
    is_odd |= is_answer & has_calls(texts)
    layout.odd[rows[is_odd]] = True
    columns = {
        "role": pa.array(roles, pa.string()).take(encoded.indices),
        "text": texts,
        "reasoning": thoughts(texts, is_answer),
    }
    return _threads(columns, rows, layout, shared, None)


def exchanges(layout: Layout, shared: dict[str, pa.Array]) -> tuple[pa.Table, IntArray]:
    """Return prompts, each with its answer."""
    n = len(layout.odd)
    _, prompts = layout.parts["prompt"]
    said = {"prompter": prompts}
    # Where the prompt is empty, another field may contain it.
    layout.odd |= begins(prompts, _JSON) | may_be_rendered(prompts) | as_bools(pc.equal(prompts, ""))
    if "input" in layout.parts:
        given = layout.parts["input"][1]
        is_given = _has_characters(given)
        if is_given.any():
            joined = pc.binary_join_element_wise(prompts, given, "\n\n")
            said["prompter"] = pc.if_else(pa.array(is_given), joined, prompts)
    reasoning = [pa.nulls(n, pa.string())]
    if "answer" in layout.parts:
        answers = layout.parts["answer"][1]
        layout.odd |= begins(answers, _JSON) | may_be_rendered(answers)
        said["assistant"] = answers
        reasoning.append(thoughts(answers, np.ones(n, dtype=bool)))
    rows = np.repeat(np.arange(n), len(said))
    order = pa.array(np.arange(n * len(said)).reshape(len(said), n).T.ravel())
    columns = {
        "role": pa.array(list(said)).take(pa.array(np.tile(np.arange(len(said)), n))),
        "text": pa.concat_arrays(list(said.values())).take(order),
        "reasoning": pa.concat_arrays(reasoning).take(order),
    }
    return _threads(columns, rows, layout, shared, "output" if "answer" in layout.parts else None)


def _threads(
    columns: dict[str, pa.Array], rows: IntArray, layout: Layout, shared: dict[str, pa.Array], last: str | None
) -> tuple[pa.Table, IntArray]:
    """Return messages that answer one another within each record; `last` names the last one in place of its number."""
    if "system" in layout.parts:
        _, system = layout.parts["system"]
        lead = rows[np.append(True, rows[1:] != rows[:-1])[: len(rows)]]
        roles = columns["role"].filter(pa.array(np.append(True, rows[1:] != rows[:-1])[: len(rows)]))
        is_above = _has_characters(system)
        layout.odd |= as_bools(pc.match_substring_regex(system, f"^{SYSTEM_MARK.pattern}"))
        twice = lead[as_bools(pc.equal(roles, "system"))]
        layout.odd[twice] |= is_above[twice]
        above = np.flatnonzero(is_above)
        order = np.argsort(np.concatenate([above, rows]), kind="stable")
        rows = np.concatenate([above, rows])[order]
        texts = pa.concat_arrays([system.take(pa.array(above)), columns["text"]])
        both = {"role": pa.concat_arrays([pa.repeat("system", len(above)), columns["role"]]), "text": texts}
        both["reasoning"] = pa.concat_arrays([pa.nulls(len(above), pa.string()), columns["reasoning"]])
        columns = {name: column.take(pa.array(order)) for name, column in both.items()}
    if layout.odd.any():
        kept = ~layout.odd[rows]
        rows = rows[kept]
        columns = {name: column.filter(pa.array(kept)) for name, column in columns.items()}
    n = len(rows)
    is_first = np.append(True, rows[1:] != rows[:-1])[:n]
    numbers = np.arange(n) - np.maximum.accumulate(np.where(is_first, np.arange(n), 0))
    names = [str(k + 1) for k in range(numbers.max(initial=0) + 1)]
    if last is not None:
        numbers[np.append(is_first[1:], True)[:n]] = len(names)
        numbers[is_first] = 0
        names.append(last)
    at = pa.array(rows)
    trees = shared["tree_id"].take(at)
    numbered = pc.binary_join_element_wise(trees, pa.array(names).take(pa.array(numbers)), "#")
    ids = pc.if_else(pa.array(is_first), trees, numbered)
    columns["tree_id"], columns["message_id"] = trees, ids
    columns["parent_id"] = ids.take(pa.array(np.arange(n) - 1, mask=is_first))
    columns |= {name: shared[name].take(at) for name in ("lang", "split")}
    return completed(columns, n), rows


# -- strings of the raw columns --------------------------------------------------------------------------------------


class Leaf(NamedTuple):
    """A column of strings within raw columns."""

    names: tuple[str | int, ...]  # that lead to it; EACH: all items of a list
    path: str  # as `paths.leaves` has it
    texts: pa.Array
    rows: IntArray  # the record of each


def leaf_columns(columns: Mapping[str, pa.Array], n: int) -> Iterator[Leaf]:
    """Yield every column of strings within these columns of `n` records."""
    stack: list[tuple[tuple[str | int, ...], str, pa.Array, IntArray]] = [
        ((name,), below("", name), column, np.arange(n)) for name, column in columns.items()
    ]
    while stack:
        names, path, column, rows = stack.pop()
        if is_text(column.type):
            yield Leaf(names, path, fit(column, pa.string()), rows)
        elif pa.types.is_struct(column.type):
            stack += [
                ((*names, f.name), below(path, f.name), inner, rows)
                for f, inner in zip(column.type, column.flatten(), strict=True)
            ]
        elif _is_list(column.type):
            parents = np.asarray(pc.list_parent_indices(column), dtype=np.int64)
            stack.append(((*names, EACH), f"{path}[]", pc.list_flatten(column), rows[parents]))
