"""Turns of a record to the rows of MESSAGES: joined parts, sides of a pair, rival answers."""

import re
from collections.abc import Generator, Iterable, Sequence
from typing import NamedTuple

from ....checks.base.faults import FaultKind
from . import templates
from .faults import Fault, Row, mistyped
from .turns import RecordTurn, turns_of

YES = frozenset({"true", "yes", "1", "chosen", "desirable", "good", "thumbs_up", "positive"})
NO = frozenset({"false", "no", "0", "rejected", "undesirable", "bad", "thumbs_down", "negative"})


class Branch(NamedTuple):
    """Turns after the prompt: one side of a pair, or one of several answers."""

    turns: Sequence[RecordTurn]
    side: str | None = None  # "chosen" or "rejected"
    rank: int | None = None  # 0 is the best
    model: str | None = None


def messages_of(shared: Row, prompt: Sequence[RecordTurn], branches: Sequence[Branch] = ()) -> Iterable[Row | Fault]:
    """Yield the messages of a conversation, and of all that follows it."""
    tree = shared["tree_id"]
    tools = [*(shared.pop("tools", None) or ()), *(tool for turn in prompt for tool in turn.tools or ())] or None
    root: str | None = None  # the last message of the prompt
    n = 0
    for branch in (Branch(prompt), *branches):
        parent = root
        for k, turn in enumerate(branch.turns, 1):
            is_last = k == len(branch.turns)
            if branch.side is not None:
                name = branch.side if is_last else f"{len(prompt) + k}-{branch.side}"
            else:
                name = turn.name or str(n + 1)
            row = {
                **shared,
                "message_id": f"{tree}#{name}" if n else tree,
                "parent_id": parent,
                "branch": branch.side,
                "rank": branch.rank if is_last else None,
                "tools": None if n else tools,
                **turn.columns(),
            }
            if branch.model is not None and turn.role == "assistant":
                row |= {"model_name": branch.model, "synthetic": True}
            yield row
            for fault in turn.faults:
                yield fault.of(row)
            parent = row["message_id"]
            n += 1
        if branch.turns is prompt:
            root = parent


def pair(chosen: list[RecordTurn], rejected: list[RecordTurn]) -> tuple[list[RecordTurn], list[Branch]]:
    """Split two conversations, or one, into a shared start and the rest; the last message is never shared."""
    # Without faults: the same one has another place on each side.
    sides = [[turn._replace(faults=()) for turn in side] for side in (chosen, rejected) if side]
    n = 0
    while n < min(map(len, sides), default=0) - 1 and all(side[n] == sides[0][n] for side in sides):
        n += 1
    start, better, worse = (chosen or rejected)[:n], chosen[n:], rejected[n:]
    # If each side is a single message of the assistant, the two are rival answers.
    is_ranked = bool(start) and [turn.role for turn in (*better, *worse)] == ["assistant"] * 2 and len(better) == 1
    branches = [Branch(better, "chosen", 0 if is_ranked else None), Branch(worse, "rejected", 1 if is_ranked else None)]
    return start, [branch for branch in branches if branch.turns]


def labelled(
    turns: list[RecordTurn], label: object, where: str
) -> Generator[Fault, None, tuple[list[RecordTurn], list[Branch]]]:
    """Return a conversation whose last message has a label as half a pair."""
    said = as_label(label)
    if said is None:
        yield mistyped(where, label, "true or false")
        return turns, []
    return pair(turns, []) if said else pair([], turns)


def as_label(value: object) -> bool | None:
    """Return what a label says (`true`, 1, "yes", "desirable"); None if it says neither."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    return True if word in YES else False if word in NO else None


def ranked(
    answers: Sequence[Sequence[RecordTurn]], ranks: Sequence[float | None] | None, models: Sequence[str | None]
) -> list[Branch]:
    """Return several answers, the best as chosen and the worst as rejected if they have ranks; fewer is better."""
    order: list[int | None] = [None] * len(answers)
    if ranks is not None and len(ranks) == len(answers):
        known = sorted({rank for rank, turns in zip(ranks, answers, strict=True) if rank is not None and turns})
        order = [known.index(rank) if rank in known else None for rank in ranks]
        if len(known) < 2:  # all are equally good
            order = [None] * len(answers)
    worst = max((place for place in order if place is not None), default=0)
    sides: list[str | None] = [None] * len(answers)
    if worst and order.count(0) == order.count(worst) == 1:
        sides[order.index(0)], sides[order.index(worst)] = "chosen", "rejected"
    return [
        Branch(turns, side, place, model)
        for turns, side, place, model in zip(answers, sides, order, models, strict=True)
        if turns
    ]


def rendered_turns(found: templates.Rendered, where: str) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the turns of a text that contains a conversation."""
    first, *others = found.turns
    lead: list[RecordTurn] = []
    turns = [first, *others]
    if first.role is None:  # text before the first mark
        fault = Fault(FaultKind.MISSING_FIELD, f"{where} starts with a text without a mark; expected a role", 0)
        lead, turns = [RecordTurn(None, first.text, faults=(fault,))], others
    said = []
    for turn in turns:
        beside = {name: getattr(turn, name) for name in ("channel", "recipient") if getattr(turn, name)}
        said.append({"role": turn.role, "content": turn.text, **beside})
    return lead + (yield from turns_of(said, where))


def is_open_prompt(text: str) -> bool:
    """Whether a text ends with the mark of an answer, without the answer."""
    rendered = templates.read(text)
    return rendered is not None and rendered.is_open


def joined(prompt: list[RecordTurn], answer: list[RecordTurn]) -> list[RecordTurn]:
    """Join a prompt and what follows it, which may repeat the prompt."""
    return whole(prompt, answer) or prompt


def whole(prompt: list[RecordTurn], answer: list[RecordTurn]) -> list[RecordTurn]:
    """Join the prompt and one side, which may repeat the prompt."""
    system, asked = _parted(prompt)
    own_system, begun = _parted(answer)
    if asked and begun and asked[0][:2] == begun[0][:2]:
        return (own_system or system) + begun
    return prompt + answer if answer else []


def _parted(turns: list[RecordTurn]) -> tuple[list[RecordTurn], list[RecordTurn]]:
    n = next((k for k, turn in enumerate(turns) if turn.role != "system"), len(turns))
    return turns[:n], turns[n:]


def shared_start(chosen: str, rejected: str) -> str:
    """Return the words that both texts start with. TRL takes them as the prompt if there is no other."""
    shorter = min(len(chosen), len(rejected))
    n = next((k for k in range(shorter) if chosen[k] != rejected[k]), shorter)
    words = re.match(r".*\S(?=\s)", chosen[:n], re.DOTALL)
    return words[0] if words else ""
