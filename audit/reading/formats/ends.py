"""Answers to a prompt, as a specification describes them: a pair, two sides, several answers."""

from collections.abc import Generator
from typing import Any

from .assembly import Branch, joined, pair, ranked, shared_start, whole
from .faults import Fault, mistyped
from .fits import is_conversation, is_several
from .parts import Parts
from .paths import Found, Path, items_of, opened
from .turns import RecordTurn, text_turn

_BETTER = {
    **dict.fromkeys(("a", "model_a", "response_a", "0", "false", "first", "left", "model_1", "response_1"), "a"),
    **dict.fromkeys(("b", "model_b", "response_b", "1", "true", "second", "right", "model_2", "response_2"), "b"),
}


def _number(value: object) -> float | None:
    """Return a rank or a score, which may be written as a text."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None


class Ends(Parts):
    """Reader of rival answers."""

    def several(
        self, record: dict[str, Any], prompt: list[RecordTurn], answer: list[RecordTurn]
    ) -> tuple[list[RecordTurn], list[Branch]]:
        """Join prompt and answer; a list of texts as the answer is several answers."""
        found = self.found(record, "answer")
        if found is not None and found.path.each is None and is_several(found.value):
            texts = found.value
            return prompt, [
                Branch([text_turn("assistant", text, f"{found.where}[{k}]")]) for k, text in enumerate(texts)
            ]
        return joined(prompt, answer), []

    def pair_of(
        self, record: dict[str, Any], prompt: list[RecordTurn], *, is_open: bool
    ) -> Generator[Fault, None, tuple[list[RecordTurn], list[Branch]]]:
        """Return the start that a better and a worse answer share, and both ends."""
        spec = self.spec.paths
        if "chosen" not in spec:  # the conversation itself is the chosen one
            rejected = yield from self._side(record, "rejected", is_open=is_open)
            n = len(prompt) - 1
            if len(rejected) == 1:
                rejected = prompt[:n] + rejected
            return pair(prompt, rejected)
        chosen, rejected_at = self.found(record, "chosen"), self.found(record, "rejected")
        has_prompt = any(turn.role != "system" for turn in prompt)
        texts = [found.value for found in (chosen, rejected_at) if found is not None and isinstance(found.value, str)]
        if not has_prompt and len(texts) == 2 and not any(map(is_conversation, texts)):
            start = shared_start(*texts)
            prompt = [*prompt, RecordTurn("prompter", start)] if start else prompt
            better, worse = ([RecordTurn("assistant", text[len(start) :])] for text in texts)
        else:
            better = yield from self._side(record, "chosen", is_open=is_open)
            worse = yield from self._side(record, "rejected", is_open=is_open)
        better, worse = whole(prompt, better), whole(prompt, worse)
        return pair(better, worse) if better or worse else (prompt, [])

    def _side(self, record: dict[str, Any], name: str, *, is_open: bool) -> Generator[Fault, None, list[RecordTurn]]:
        found = self.found(record, name)
        if found is None:
            where = next((path.text for path in self.spec.paths[name] if path.steps[0] in record), name)
            yield mistyped(where, None, "a text, a message or a list of messages")
            return []
        return (yield from self.conversation(found, name, "assistant", is_open=is_open))

    def sides_of(
        self, record: dict[str, Any], prompt: list[RecordTurn], *, is_open: bool
    ) -> Generator[Fault, None, tuple[list[RecordTurn], list[Branch]]]:
        """Return two answers or conversations, in the order of preference if there is one."""
        a, b = self._rounds(record, "a"), self._rounds(record, "b")
        if not (a and b):
            a = whole(prompt, (yield from self._side(record, "a", is_open=is_open)))
            b = whole(prompt, (yield from self._side(record, "b", is_open=is_open)))
        better = self._better(record)
        if better is None:
            start, branches = pair(a, b)
            return start, [branch._replace(side=None, rank=None) for branch in branches]
        return pair(a, b) if better == "a" else pair(b, a)

    def _rounds(self, record: dict[str, Any], side: str) -> list[RecordTurn]:
        """Return the turns of one side where prompt and side are lists of equally many texts; else none."""
        asked, said = (self.found(record, name) for name in ("prompt", side))
        if asked is None or said is None:
            return []
        texts = [opened(each.value) for each in (asked, said)]
        if not all(is_several(each) for each in texts) or len(texts[0]) != len(texts[1]):
            return []
        return [
            text_turn(role, text, found.where)
            for pair in zip(*texts, strict=True)
            for role, text, found in zip(("prompter", "assistant"), pair, (asked, said), strict=True)
        ]

    def _better(self, record: dict[str, Any]) -> str | None:
        """Return which of two sides is better: a, b, or neither."""
        found = self.found(record, "better")
        if found is not None:
            value = int(found.value) if isinstance(found.value, float) and found.value.is_integer() else found.value
            word = str(value).strip()
            side = self.spec.better_is.get(word) or _BETTER.get(word.lower(), "tie")
            return None if side == "tie" else side
        found = self.found(record, "preference")
        if found is not None and isinstance(found.value, int | float) and found.value:
            return "a" if found.value < 0 else "b"
        of_a, of_b = self.found(record, "score_a"), self.found(record, "score_b")
        if of_a is not None and of_b is not None:
            values = of_a.value, of_b.value
            if all(isinstance(value, int | float) for value in values) and values[0] != values[1]:
                return "a" if values[0] > values[1] else "b"
        return None

    def answers_of(self, record: dict[str, Any], *, is_open: bool) -> Generator[Fault, None, list[Branch]]:
        """Return several answers with their ranks and models."""
        found = self.found(record, "answers")
        if found is None:
            return []
        values = found.value if found.path.each is not None else items_of(found.value)
        if not isinstance(values, list):
            yield mistyped(found.where, found.value, "a list of answers")
            return []
        n = len(values)
        answers: list[list[RecordTurn]] = []
        place = found.where if found.path.each is not None else f"{found.where}[]"
        for k, value in enumerate(values):
            where = place.replace("[]", f"[{k}]", 1)
            if value is None:
                yield mistyped(where, value, "a text")
                answers.append([])
            else:
                found = Found(Path(where, ()), value)
                answers.append((yield from self.conversation(found, "answers", "assistant", is_open=is_open)))
        ranks = self._numbers(record, "rank", n)
        if ranks is None and (scores := self._numbers(record, "score", n)) is not None:
            ranks = [None if score is None else -score for score in scores]
        best = self.found(record, "best")
        if ranks is None and best is not None and type(best.value) is int and 0 <= best.value < n:
            ranks = [float(k != best.value) for k in range(n)]
        models = self.found(record, "model")
        named = models.value if models is not None and isinstance(models.value, list) and len(models.value) == n else []
        return ranked(answers, ranks, [m if isinstance(m, str) else None for m in named] or [None] * n)

    def _numbers(self, record: dict[str, Any], name: str, n: int) -> list[float | None] | None:
        """Return one number for each of `n` answers; None if the record has none."""
        found = self.found(record, name)
        if found is None or not isinstance(found.value, list) or len(found.value) != n:
            return None
        numbers = [_number(value) for value in found.value]
        return None if all(number is None for number in numbers) else numbers
