"""Exports of chat applications whose messages are linked by ids: ChatGPT."""

from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from .base import Format
from .described import RECORDS
from .faults import Fault, Row, mistyped
from .turns import FIELDS, turns_within


class ChatGptExport(Format):
    """`{"mapping": {id: {"message", "parent", "children"}}}`: a tree of messages, in which a prompt may be edited."""

    form: ClassVar = RECORDS

    def may_have(self, names: Collection[str]) -> bool:
        return "mapping" in names

    def recognise(self, record: dict[str, Any]) -> str | None:
        nodes = record.get("mapping")
        if not isinstance(nodes, dict) or not nodes:
            return None
        is_tree = all(isinstance(node, dict) and "message" in node and "parent" in node for node in nodes.values())
        return "records have a mapping of messages" if is_tree else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        nodes: dict[str, Any] = record["mapping"]
        key = next((record[name] for name in ("conversation_id", "id") if isinstance(record.get(name), str)), place)
        root_of: dict[str, str | None] = {}  # nodes without a text stand for the message above them
        # Parents come before their children, whatever the order of the export; nodes of a cycle are left.
        waiting = [name for name, node in nodes.items() if node["parent"] not in nodes]
        while waiting:
            name = waiting.pop(0)
            node = nodes[name]
            above = root_of.get(node["parent"]) if isinstance(node["parent"], str) else None
            root_of[name] = above
            for turn in turns_within(node["message"], f"mapping.{name}.message", FIELDS) if node["message"] else ():
                if not turn.text and turn.role == "system" and not turn.faults:
                    continue  # the export starts with an empty system message
                row = {"tree_id": key, "message_id": f"{key}#{name}", "parent_id": above, **turn.columns()}
                yield row
                for fault in turn.faults:
                    yield fault.of(row)
                above = root_of[name] = f"{key}#{name}"
            children = node.get("children")
            if not isinstance(children, list):
                yield mistyped(f"mapping.{name}.children", children, "a list of ids", key)
                continue
            waiting += [child for child in children if isinstance(child, str) and child in nodes and child not in root_of]
