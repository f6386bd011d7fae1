"""OpenAssistant exports: flat messages and nested trees.

The layout is that of the data set card (https://huggingface.co/datasets/OpenAssistant/oasst1).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ....checks.base.arrow.columns import IntArray, single
from ....checks.base.messages import MESSAGES, Form
from .base import Format
from .columns import columns_of, completed, fit
from .faults import Fault, Row, mistyped

ROLES = ("prompter", "assistant")
REQUIRED = ("tree_id", "message_id", "role", "lang", "text")
# Columns of MESSAGES by their names in the exports, which contain text alone: no preference pairs and no tools.
_OTHERS = ("branch", "calls", "call_id", "tools", "reasoning", "media", "is_context", "source", "line")
RAW = {("message_tree_id" if name == "tree_id" else name): name for name in MESSAGES.names if name not in _OTHERS}
_USUAL = dict.fromkeys(("message_id", "parent_id", "message_tree_id", "role", "text"))


class OasstMessages(Format):
    """One message a record, as in `*.messages.jsonl.gz` and the parquet files on the Hugging Face hub."""

    form: ClassVar = Form("oasst_messages", REQUIRED, roles=ROLES, uuid_ids=True, depth_first=True)
    is_flat: ClassVar = True
    lang_field: ClassVar = "lang"
    fields: ClassVar = "message_id, parent_id, message_tree_id, role, text"

    def may_have(self, names: Collection[str]) -> bool:
        return len(_USUAL.keys() & set(names)) >= 4

    def recognise(self, record: dict[str, Any]) -> str | None:
        found = [name for name in _USUAL if name in record]
        return f"records have {', '.join(found)}" if len(found) >= 4 else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row]:
        yield {name: record[raw] for raw, name in RAW.items() if raw in record}

    def rest(self, record: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in record.items() if name not in RAW}

    def schema(self, sample: Sequence[dict[str, Any]]) -> pa.Schema | None:
        """Return the raw columns: known ones in their types, others as Arrow infers them from the sample."""
        kinds: dict[str, pa.DataType] = {raw: MESSAGES.field(name).type for raw, name in RAW.items()}
        for raw, entry in (
            ("labels", pa.struct([("value", pa.float64()), ("count", pa.int64())])),
            ("emojis", pa.int64()),
        ):
            objects = [record[raw] for record in sample if isinstance(record.get(raw), dict)]
            maps = [o for o in objects if o and not isinstance(o.get("name"), list)]
            names = sorted({name for m in maps for name in m})
            if names:
                try:
                    kinds[raw] = pa.struct([(name, entry) for name in names])
                except UnicodeEncodeError:  # half a surrogate pair
                    return None
        return columns_of(kinds, sample)

    def arrange(self, table: pa.Table, places: Callable[[], pa.Array]) -> tuple[pa.Table, IntArray]:
        columns = {
            name: fit(single(table[raw]), MESSAGES.field(name).type)
            for raw, name in RAW.items()
            if raw in table.column_names
        }
        return completed(columns, table.num_rows), np.arange(table.num_rows)


class OasstTrees(Format):
    """One conversation tree per record, as in `*.trees.jsonl.gz`."""

    form: ClassVar = Form("oasst_trees", REQUIRED, roles=ROLES, uuid_ids=True, nested=True)
    is_whole: ClassVar = False
    lang_field: ClassVar = "lang"
    fields: ClassVar = "message_tree_id, tree_state, prompt {message_id, role, text, replies []}"

    def may_have(self, names: Collection[str]) -> bool:
        return "message_tree_id" in names and "prompt" in names

    def recognise(self, record: dict[str, Any]) -> str | None:
        if isinstance(record.get("prompt"), dict) and "message_tree_id" in record:
            return "records have message_tree_id and a prompt with replies"
        return None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        # An explicit stack: a tree may be deeper than Python's own.
        shared = {"tree_id": record.get("message_tree_id"), "tree_state": record.get("tree_state")}
        stack: list[tuple[Any, Any]] = [(record.get("prompt"), None)]
        while stack:
            node, parent_id = stack.pop()
            if not isinstance(node, dict):
                yield mistyped(
                    "a message of the tree", node, "an object with message_id, role, text", shared["tree_id"]
                )
                continue
            # A message without a parent id answers the message it is nested in.
            # The export leaves message_tree_id and tree_state null inside a tree: only the tree itself has them.
            own = {name: node[raw] for raw, name in RAW.items() if node.get(raw) is not None}
            yield {**shared, "parent_id": parent_id, **own}
            replies = node.get("replies")
            if isinstance(replies, list):
                # Replies to a message without an id still have a parent, so it gets a made-up id.
                parent_id = node.get("message_id") or f"{place}, without id"
                stack.extend((reply, parent_id) for reply in reversed(replies))
            elif replies is not None:
                yield mistyped("replies", replies, "a list of messages", shared["tree_id"], node.get("message_id"))

    def rest(self, record: dict[str, Any]) -> dict[str, Any]:
        others = {name: value for name, value in record.items() if name not in RAW and name != "prompt"}
        nodes = [{n: value for n, value in node.items() if n not in RAW and n != "replies"} for node, _ in _nodes(record)]
        return {**others, "prompt": nodes}

    def holders(self, record: dict[str, Any]) -> list[int]:
        return [holder for _, holder in _nodes(record)]

    def without(
        self, record: dict[str, Any], dropped: Collection[int], tags: Mapping[int, str]
    ) -> dict[str, Any] | None:
        # Messages nested in a dropped one are not reachable from any other, so they need no handling.
        made: list[dict[str, Any]] = []
        for number, (node, holder) in enumerate(_nodes(record)):
            node = dict(node)
            if isinstance(node.get("replies"), list):
                # Replies that are not messages stay; the audit reported them.
                node["replies"] = [reply for reply in node["replies"] if not isinstance(reply, dict)]
            if number in tags:
                node["lang"] = tags[number]
            if holder >= 0 and number not in dropped:
                made[holder]["replies"].append(node)
            made.append(node)
        return None if not made or 0 in dropped else record | {"prompt": made[0]}


def _nodes(record: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the messages of a tree in the order of `flatten`, each with the number of the one it is nested in."""
    stack: list[tuple[Any, int]] = [(record.get("prompt"), -1)]
    n = 0
    while stack:
        node, holder = stack.pop()
        if not isinstance(node, dict):
            continue
        yield node, holder
        replies = node.get("replies")
        if isinstance(replies, list):
            stack.extend((reply, n) for reply in reversed(replies))
        n += 1
