"""Plain documents: texts with an id, optionally with a language and the text they answer."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....checks.base.arrow.columns import IntArray, as_bools
from ....checks.base.messages import Form
from .base import Format
from .columns import columns_of, completed, fit
from .faults import Fault, Row, mistyped
from .turns import is_whole


class Documents(Format):
    """`{"id", "text", "lang"?, "context"?}`: each record is a tree of one message without a role."""

    form: ClassVar = Form("documents", ("tree_id", "message_id", "text"), nested=True)
    lang_field: ClassVar = "lang"
    fields: ClassVar = "id, text; optional lang, context"

    def recognise(self, record: dict[str, Any]) -> str | None:
        is_message = any(name in record for name in ("message_id", "parent_id", "message_tree_id"))
        return "records have text and no message ids" if "text" in record and not is_message else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        key, answers = record.get("id"), record.get("context")
        if is_whole(key):
            key = str(int(key))
        elif key is not None and not isinstance(key, str):
            yield mistyped("id", key, "a string or an integer", place, place)
            key = None
        if key is None:
            key = place
        if answers is not None and not isinstance(answers, str):
            yield mistyped("context", answers, "a string", key, key)
            answers = None
        if answers is not None:
            yield {"tree_id": key, "message_id": f"{key}#context", "text": answers, "is_context": True}
        yield {
            "tree_id": key,
            "message_id": key,
            "parent_id": f"{key}#context" if answers is not None else None,
            "lang": record.get("lang"),
            "split": record.get("split"),
            "text": record.get("text"),
        }

    def schema(self, sample: Sequence[dict[str, Any]]) -> pa.Schema | None:
        is_number = any(type(record.get("id")) is int for record in sample)
        kinds = dict.fromkeys(("text", "lang", "context", "split"), pa.string())
        return columns_of({"id": pa.int64() if is_number else pa.string(), **kinds}, sample)

    def arrange(self, table: pa.Table, places: Callable[[], pa.Array]) -> tuple[pa.Table, IntArray]:
        n = table.num_rows

        def column(name: str) -> pa.Array:
            found = name in table.column_names
            return fit(table[name].combine_chunks(), pa.string()) if found else pa.nulls(n, pa.string())

        is_number = "id" in table.column_names and pa.types.is_integer(table["id"].type)
        ids = table["id"].combine_chunks().cast(pa.string()) if is_number else column("id")
        if ids.null_count:  # a document without an id is known by its place
            ids = pc.coalesce(ids, places())
        answers = column("context")
        has_context = answers.is_valid()
        names = pc.binary_join_element_wise(ids, "#context", "")
        documents = {
            "tree_id": ids,
            "message_id": ids,
            "parent_id": pc.if_else(has_context, names, pa.scalar(None, pa.string())),
            "lang": column("lang"),
            "text": column("text"),
            "split": column("split"),
        }
        if answers.null_count == n:
            return completed(documents, n), np.arange(n)
        # Each context comes before its document.
        at = np.flatnonzero(as_bools(has_context))
        contexts = {"tree_id": ids, "message_id": names, "text": answers}
        above = {name: values.take(pa.array(at)) for name, values in contexts.items()}
        above["is_context"] = pa.repeat(True, len(at))
        rows = np.concatenate([at, np.arange(n)])
        order = np.argsort(rows, kind="stable")
        both = pa.concat_tables([completed(above, len(at)), completed(documents, n)])
        return both.take(pa.array(order)).combine_chunks(), rows[order]
