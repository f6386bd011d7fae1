"""OpenAssistant exports: flat messages and nested trees.

The layout is that of the data set card (https://huggingface.co/datasets/OpenAssistant/oasst1).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ....checks.base.arrow.columns import IntArray, single
from ....checks.base.messages import MESSAGES, Form
from .accounting import account_columns
from .base import Format
from .columnar import Raw, leaf_columns
from .columns import columns_of, completed, fit
from .faults import Fault, Row, mistyped
from .languages import normalised, tag_of
from .ledger import Ledger

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
    lang_field = "lang"
    about = "one message of a conversation tree a record (OpenAssistant)"
    fields = "message_id, parent_id, message_tree_id, role, text"
    example = (
        '{"message_id": "6ab24d72-0181-4594-a9cd-deaf170242fb", "parent_id": null,'
        ' "message_tree_id": "6ab24d72-0181-4594-a9cd-deaf170242fb", "tree_state": "ready_for_export",'
        ' "role": "prompter", "lang": "en", "text": "Name a river in France."}'
    )

    def may_have(self, names: Collection[str]) -> bool:
        return len(_USUAL.keys() & set(names)) >= 4

    def recognise(self, record: dict[str, Any]) -> str | None:
        found = [name for name in _USUAL if name in record]
        return f"records have {', '.join(found)}" if len(found) >= 4 else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row]:
        yield _tagged({name: record[raw] for raw, name in RAW.items() if raw in record})

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
        if "lang" in columns:
            columns["lang"] = normalised(columns["lang"])
        return completed(columns, table.num_rows), np.arange(table.num_rows)

    def account_table(self, table: pa.Table, lines: IntArray, messages: pa.Table, rows: IntArray) -> Ledger:
        others = Raw.of(table.drop_columns([name for name in table.column_names if name in RAW]))
        if not others.columns:  # exports have none
            return {}
        leaves = leaf_columns(others.columns, table.num_rows)
        return account_columns(others.columns, leaves, {}, messages, rows, lines, partial(self.known_of, {}))


class OasstTrees(Format):
    """One conversation tree per record, as in `*.trees.jsonl.gz`."""

    form: ClassVar = Form("oasst_trees", REQUIRED, roles=ROLES, uuid_ids=True, nested=True)
    is_whole: ClassVar = False
    lang_field = "lang"
    about = "a whole conversation tree, each message with its replies (OpenAssistant)"
    fields = "message_tree_id, tree_state, prompt {message_id, role, text, replies []}"
    example = (
        '{"message_tree_id": "6ab24d72-0181-4594-a9cd-deaf170242fb", "tree_state": "ready_for_export",'
        ' "prompt": {"message_id": "6ab24d72-0181-4594-a9cd-deaf170242fb", "role": "prompter", "lang": "en",'
        ' "text": "Name a river in France.", "replies": [{"message_id": "c8e83833-ecbc-44fe-b6db-735228c25a1c",'
        ' "role": "assistant", "lang": "en", "text": "The Loire.", "replies": []}]}}'
    )

    def may_have(self, names: Collection[str]) -> bool:
        return {"message_tree_id", "prompt"} <= {*names} or {"replies", "text", "role"} <= {*names}

    def recognise(self, record: dict[str, Any]) -> str | None:
        if isinstance(record.get("prompt"), dict) and "message_tree_id" in record:
            return "records have message_tree_id and a prompt with replies"
        is_root = isinstance(record.get("replies"), list) and "text" in record and "role" in record
        return "records are messages with replies" if is_root else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        # An explicit stack: a tree may be deeper than Python's own.
        root = _root(record)
        tree_id = record.get("message_tree_id")
        if tree_id is None and root is record:
            tree_id = record.get("message_id")
        shared = {"tree_id": tree_id, "tree_state": record.get("tree_state")}
        stack: list[tuple[Any, Any]] = [(root, None)]
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
            yield _tagged({**shared, "parent_id": parent_id, **own})
            replies = node.get("replies")
            if isinstance(replies, list):
                # Replies to a message without an id still have a parent, so it gets a made-up id.
                parent_id = node.get("message_id") or f"{place}, without id"
                stack.extend((reply, parent_id) for reply in reversed(replies))
            elif replies is not None:
                yield mistyped("replies", replies, "a list of messages", shared["tree_id"], node.get("message_id"))

    def rest(self, record: dict[str, Any]) -> dict[str, Any]:
        others = {name: value for name, value in record.items() if name not in (*RAW, "prompt", "replies")}
        nodes = [
            {n: value for n, value in node.items() if n not in RAW and n != "replies"} for node, _ in _nodes(record)
        ]
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
        if not made or 0 in dropped:
            return None
        return made[0] if _root(record) is record else record | {"prompt": made[0]}


def _tagged(row: Row) -> Row:
    """Return a message with its language as a tag; what is no language stays, and is reported."""
    if isinstance(lang := row.get("lang"), str):
        row["lang"] = tag_of(lang) or lang
    return row


def _root(record: dict[str, Any]) -> Any:
    """Return the first message of a tree: its prompt, or the record itself."""
    return record if "prompt" not in record and "replies" in record else record.get("prompt")


def _nodes(record: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the messages of a tree in the order of `flatten`, each with the number of the one it is nested in."""
    stack: list[tuple[Any, int]] = [(_root(record), -1)]
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
