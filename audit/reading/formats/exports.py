"""Exports of chat applications whose messages are linked by ids: ChatGPT."""

from collections import deque
from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from .base import Format
from .described import RECORDS
from .faults import Fault, Row, mistyped
from .turns import FIELDS, turns_within


class ChatGptExport(Format):
    """`{"mapping": {id: {"message", "parent", "children"}}}`: a tree of messages, in which a prompt may be edited."""

    form: ClassVar = RECORDS
    about = "messages linked by ids, some of them edited (exports of ChatGPT)"
    fields = "mapping {id {message, parent, children []}}"
    example = (
        '{"conversation_id": "c1", "mapping": {"m1": {"message": {"author": {"role": "user"}, "content":'
        ' {"content_type": "text", "parts": ["Name a river in France."]}}, "parent": null, "children": ["m2"]},'
        ' "m2": {"message": {"author": {"role": "assistant"}, "content":'
        ' {"content_type": "text", "parts": ["The Loire."]}}, "parent": "m1", "children": []}}}'
    )

    def may_have(self, names: Collection[str]) -> bool:
        return "mapping" in names

    def recognise(self, record: dict[str, Any]) -> str | None:
        nodes = record.get("mapping")
        if not isinstance(nodes, dict) or not nodes:
            return None
        is_tree = all(isinstance(node, dict) and "message" in node and "parent" in node for node in nodes.values())
        return "records have a mapping of messages" if is_tree else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        if self.recognise(record) is None:
            yield mistyped("mapping", record.get("mapping"), "messages by id")
            return
        nodes: dict[str, Any] = record["mapping"]
        key = next((record[name] for name in ("conversation_id", "id") if isinstance(record.get(name), str)), place)
        root_of: dict[str, str | None] = {}  # nodes without a text stand for the message above them
        # Parents come before their children, whatever the order of the export; nodes of a cycle are left.
        waiting = deque(name for name, node in nodes.items() if node["parent"] not in nodes)
        has_root = False
        while waiting:
            name = waiting.popleft()
            node = nodes[name]
            above = root_of.get(node["parent"]) if isinstance(node["parent"], str) else None
            root_of[name] = above
            for turn in turns_within(node["message"], f"mapping.{name}.message", FIELDS) if node["message"] else ():
                if not turn.text and turn.role == "system" and not turn.faults:
                    continue  # the export starts with an empty system message
                own = f"{key}#{name}" if has_root else key
                row = {"tree_id": key, "message_id": own, "parent_id": above, **turn.columns()}
                yield row
                for fault in turn.faults:
                    yield fault.of(row)
                above = root_of[name] = own
                has_root = True
            children = node.get("children")
            if not isinstance(children, list):
                yield mistyped(f"mapping.{name}.children", children, "a list of ids", key)
                continue
            waiting += [
                child for child in children if isinstance(child, str) and child in nodes and child not in root_of
            ]
