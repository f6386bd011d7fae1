"""A small demo data set in several languages, with an example of every rule."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from ...checks.base.check import Check
from ...checks.base.examples import Data
from .. import registry
from .talks import NAMES, TALKS, TOWNS

Message = dict[str, Any]
Tree = list[Message]

LABELS = ("spam", "pii", "not_appropriate", "quality", "toxicity", "humor", "creativity", "violence")
N_PLAIN = 40  # trees without a fault
N_CHATS = 4  # chats without a fault


@dataclass
class Release:
    """Trees, chats and raw lines, and the message that breaks each rule."""

    rng: random.Random
    trees: list[Tree] = field(default_factory=list)
    chats: list[Message] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    planted: dict[str, str | None] = field(default_factory=dict)  # check/rule -> message id; None: a record or a file

    def write(self, path: Path) -> list[Path]:
        """Write the messages as JSON lines into `path`, and chats of each shape into files beside it."""
        data = Data(tuple(message for tree in self.trees for message in tree), tuple(self.chats), tuple(self.raw))
        paths = []
        for number, content in enumerate(data.files().values(), 1):
            suffix = "" if number == 1 else "-chats" if number == 2 else f"-chats-{number - 1}"
            paths.append(path.with_stem(f"{path.stem}{suffix}"))
            paths[-1].write_bytes(content)
        return paths

    def uid(self) -> str:
        """Return a new UUID."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def plant(self, data: Data) -> None:
        """Add the data of an example."""
        # An example may contain several trees; messages of one tree are adjacent.
        self.trees += [list(tree) for _, tree in groupby(data.messages, lambda row: row.get("message_tree_id"))]
        self.chats += data.chats
        self.raw += data.raw

    def add_tree(self) -> None:
        """Add a tree without a fault: a prompt, two ranked answers, a follow-up, an answer."""
        lang = self.rng.choice(sorted(TALKS))
        prompt, first, second, follow_up, answer = (self._signed(text) for text in self.rng.choice(TALKS[lang]))
        when = datetime(2023, 2, 1, tzinfo=UTC) + timedelta(seconds=self.rng.randrange(5_000_000))
        root = self._message(prompt, None, lang, when)
        best = self._message(first, root, lang, when + timedelta(minutes=9), rank=0)
        other = self._message(second, root, lang, when + timedelta(minutes=20), rank=1)
        more = self._message(follow_up, best, lang, when + timedelta(hours=2))
        last = self._message(answer, more, lang, when + timedelta(hours=5))
        self.trees.append([root, best, more, last, other])

    def add_chat(self) -> None:
        """Add a chat without a fault: a prompt with a tool call, a follow-up, and two answers to that."""
        prompt, answer, other, follow_up, last = (self._signed(text) for text in self.rng.choice(TALKS["en"]))
        call = f"call_{self.rng.randrange(10**9):09}"
        self.chats.append(
            {
                "id": self.uid(),
                "lang": "en",
                "prompt": [
                    {"role": "system", "content": "Look it up before you answer, and be brief."},
                    {"role": "user", "content": prompt},
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": call, "type": "function", "function": {"name": "find", "arguments": "{}"}}
                        ],
                    },
                    {"role": "tool", "tool_call_id": call, "content": self._signed("One page was found.")},
                    {"role": "assistant", "content": answer},
                    {"role": "user", "content": follow_up},
                ],
                "chosen": [{"role": "assistant", "content": last}],
                "rejected": [{"role": "assistant", "content": other}],
            }
        )

    def _signed(self, text: str) -> str:
        # All trees share a few sentences; names of writer and reader make the texts differ.
        writer, reader = (
            f"{self.rng.choice(NAMES)}, {self.rng.choice(TOWNS)}, {self.rng.randrange(24)}:{self.rng.randrange(60):02}"
            for _ in range(2)
        )
        return f"{text}\n\n{writer} → {reader}"

    def _message(
        self, text: str, parent: Message | None, lang: str, when: datetime, rank: int | None = None
    ) -> Message:
        own = self.uid()
        return {
            "message_id": own,
            "parent_id": parent and parent["message_id"],
            "user_id": self.uid(),
            "created_date": when.isoformat(),
            "text": text,
            "role": "assistant" if parent and parent["role"] == "prompter" else "prompter",
            "lang": lang,
            "review_count": 3,
            "review_result": True,
            "deleted": False,
            "rank": rank,
            "synthetic": False,
            "model_name": None,
            "detoxify": {"toxicity": round(self.rng.random() / 50, 6), "severe_toxicity": 0.0, "obscene": 0.0},
            "message_tree_id": parent["message_tree_id"] if parent else own,
            "tree_state": "ready_for_export",
            "emojis": {"name": ["+1"], "count": [self.rng.randrange(1, 6)]},
            "labels": {
                "name": list(LABELS),
                # People find what they ranked first better.
                "value": [0.0] * 3 + [0.5 if rank else 0.75] + [round(self.rng.random(), 3) for _ in LABELS[4:]],
                "count": [3] * len(LABELS),
            },
        }


def release(seed: int) -> Release:
    """Make a release that contains the example of every rule; the same for the same seed."""
    data = Release(random.Random(seed))
    for _ in range(N_PLAIN):
        data.add_tree()
    for _ in range(N_CHATS):
        data.add_chat()
    for check in registry.checks().values():
        for rule in check.rules:
            data.plant(rule.example.this)
            data.planted[rule.id] = rule.example.reported
    data.rng.shuffle(data.trees)
    return data


def prepared(folder: Path) -> Sequence[Check]:
    """Return all checks with the settings of their examples; their files are written to `folder`."""
    found = []
    for name, check in registry.checks().items():
        (own := folder / name).mkdir(parents=True)
        found.append(check.on_examples(own))
        if not any(own.iterdir()):
            own.rmdir()
    return found
