"""Records to messages, as a specification describes them."""

import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any, ClassVar

from ....checks.base.faults import FaultKind
from ....checks.base.messages import CHAT_ROLES, Form
from . import templates
from .assembly import Branch, as_label, labelled, messages_of, pair, ranked
from .base import Format
from .calls import tools_of
from .faults import Fault, Row, mistyped
from .languages import is_programming, tag_of
from .paths import Found, Path, decoded, first, get, items_of, path_of
from .spec import BODIES, PAIRS, Spec
from .turns import FIELDS, ROLES, Fields, RecordTurn, text_turn, turns_of, turns_within

RECORDS = Form("records", ("tree_id", "message_id"), roles=CHAT_ROLES, nested=True)
"""What all records with whole conversations have in common; what is missing in one is reported by its reader."""

IDS = ("id", "conversation_id", "conversation_hash", "uuid", "conv_id", "idx", "custom_id", "recordId", "_id")
LANGUAGES = (
    *("lang", "language_code", "language", "metadata.lang", "metadata.language", "meta.language"),
    *("metadata.identification.label", "document_lang", "langdetect"),
)
SPLITS = ("split",)

_KNOWN = ("id", "lang", "split", "model", "tools", "calls", "media", "rank", "score", "better", "label", "others")

NAMES = 3  # of a field, that errors and tables show

MEDIA = {"image": "image", "images": "image", "audio": "audio", "audios": "audio", "video": "video", "videos": "video"}
_NO_LANGUAGE = ("", "unknown", "undefined", "undetermined", "none", "null", "n/a", "na", "nan", "other", "-", "?")
_SWITCH = ("on", "off")  # of reasoning, in a field of that name
_SYSTEM_MARK = re.compile(r"SYSTEM:\s*")  # before the system text of Glaive


class Described(Format):
    """Records whose fields a specification names."""

    form: ClassVar = RECORDS

    def __init__(self, name: str, spec: Spec, needs: Sequence[str] = (), about: str = "", example: str = "") -> None:
        self.name, self.spec, self.about, self.example = name, spec, about, example
        # What a user names fits a record with either side of a pair, or else with the start of a conversation.
        pairs = [pair for pair in PAIRS if spec.paths.keys() >= {*pair}]
        self.needs = tuple(needs) or tuple(name for name in next(iter(pairs), BODIES) if name in spec.paths)
        self._needs_all = bool(needs)
        self._turn = Fields(
            tuple(p.text for p in spec.paths.get("role", ())) or FIELDS.role,
            tuple(p.text for p in spec.paths.get("text", ())) or FIELDS.text,
            {**ROLES, **spec.roles},
        )
        self._ids = spec.paths.get("id") or tuple(map(path_of, IDS))
        self._splits = spec.paths.get("split") or tuple(map(path_of, SPLITS))
        self.languages = spec.paths.get("lang") or tuple(map(path_of, LANGUAGES))
        self.fields = ("; " if needs else " or ").join(
            _either([p.text for p in spec.paths[name]]) for name in self.needs
        )
        self.heads = frozenset(path.steps[0] for name in self.needs for path in spec.paths[name])
        self._known = [_below(path) for name in _KNOWN for path in spec.paths.get(name, ())]

    @property
    def known(self) -> Sequence[re.Pattern[str]]:
        return self._known

    # -- recognition ---------------------------------------------------------------------------------------------------

    def recognise(self, record: dict[str, Any]) -> str | None:
        found = []
        for name in self.needs:
            at = self._present(name, record)
            if at is not None:
                found.append(at)
            elif self._needs_all:
                return None
        return f"records have {' and '.join(dict.fromkeys(found))}" if found else None

    def _present(self, name: str, record: dict[str, Any]) -> str | None:
        """Return the field that a setting finds in a record, if it has a fitting type."""
        at = None
        for path in self.spec.paths[name]:
            value = get(record, path.steps)
            if value is not None and _FITS.get(name, _is_any)(value):
                at = path.text
                break
        if at is None and name in ("chosen", "rejected"):  # one side may be null
            other = "rejected" if name == "chosen" else "chosen"
            has_key = any(path.steps[0] in record for path in self.spec.paths[name])
            if has_key and other in self.spec.paths and first(record, self.spec.paths[other]) is not None:
                return self.spec.paths[name][0].text
        return at

    def lacks_only_a_label(self, record: dict[str, Any]) -> bool:
        """Whether a record fits but for the value of its label."""
        paths = self.spec.paths.get("label", ())
        if "label" not in self.needs or not any(path.steps[0] in record for path in paths):
            return False
        return all(name == "label" or self._present(name, record) is not None for name in self.needs)

    def shares(self, record: dict[str, Any]) -> int:
        """Return how many of the fields that it needs a record has, whatever their values."""
        paths = (self.spec.paths[name] for name in self.needs)
        return sum(any(path.each is None and path.steps[0] in record for path in some) for some in paths)

    # -- a record to messages ------------------------------------------------------------------------------------------

    def flatten(
        self, record: dict[str, Any], place: str, languages: Sequence[Path] | None = None
    ) -> Iterator[Row | Fault]:
        spec = self.spec.paths
        shared = yield from self._shared(record, place, self.languages if languages is None else languages)
        if "document" in spec:
            yield from self._document(record, shared)
            return
        prompt, is_open = yield from self._prompt(record)
        if "label" in spec and ((label := self._found(record, "label")) is not None or "label" in self.needs):
            label = label or Found(spec["label"][0], None)
            answer = yield from self._answer(record, is_open=is_open)
            prompt, branches = yield from labelled(_joined(prompt, answer), label.value, label.where)
        elif "chosen" in spec or "rejected" in spec:
            prompt, branches = yield from self._pair(record, prompt, is_open=is_open)
        elif "a" in spec:
            prompt, branches = yield from self._sides(record, prompt, is_open=is_open)
        elif "answers" in spec:
            branches = yield from self._answers(record, is_open=is_open)
            if branches and prompt and prompt[-1].role == "assistant":  # one of the answers is in the conversation too
                last = prompt.pop()
                if not any(turn.text == last.text for branch in branches for turn in branch.turns):
                    branches = [Branch([last]), *branches]
        elif "turns" in spec and prompt and prompt[-1].role == "assistant":
            branches = []  # the conversation has its answer
        else:
            answer = yield from self._answer(record, is_open=is_open)
            prompt, branches = self._several(record, prompt, answer)
        turns = [*prompt, *(turn for branch in branches for turn in branch.turns)]
        if not turns:
            return
        yield from messages_of(shared, *self._with_media(record, prompt, branches))

    def _found(self, record: dict[str, Any], name: str) -> Found | None:
        """Return the first field of a setting that fits, or else the first that is not null."""
        paths = self.spec.paths.get(name, ())
        fits = _FITS.get(name)
        if fits is not None and len(paths) > 1:
            for path in paths:
                value = get(record, path.steps)
                # A prompt that is empty does not hide another one.
                if value is not None and fits(value) and (value or name != "prompt"):
                    return Found(path, value)
        return first(record, paths)

    def _shared(self, record: dict[str, Any], place: str, languages: Sequence[Path]) -> Generator[Fault, None, Row]:
        """Return what all messages of a record share."""
        found = first(record, self._ids)
        key = None if found is None else found.value
        if isinstance(key, float) and key.is_integer():  # pandas writes integer columns with gaps as 1.0
            key = int(key)
        if type(key) is int:
            key = str(key)
        elif found is not None and (not isinstance(key, str) or not key):
            if key != "":
                yield mistyped(found.where, key, "a string or an integer", place)
            key = None
        shared: Row = {"tree_id": place if key is None else key}
        if (split := first(record, self._splits)) is not None:
            if isinstance(split.value, str):
                shared["split"] = split.value
            else:
                yield mistyped(split.where, split.value, "a string")
        if (tools := self._found(record, "tools")) is not None:
            shared["tools"] = tools_of({"tools": tools.value})
        for path in languages:
            value = get(record, path.steps)
            if isinstance(value, str):
                tag = tag_of(value)  # also of pl, which is Perl in a field of programming languages
                if value.strip().lower() not in _NO_LANGUAGE and (tag or not is_programming(value)):
                    shared["lang"] = tag or value
                    break
            elif value is not None and len(path.steps) == 1:
                yield mistyped(path.text, value, "a string")
        return shared

    def _document(self, record: dict[str, Any], shared: Row) -> Iterator[Row | Fault]:
        key = shared["tree_id"]
        parent = None
        if (context := self._found(record, "context")) is not None:
            if isinstance(context.value, str):
                parent = f"{key}#context"
                # The language is that of the answer.
                yield {"tree_id": key, "message_id": parent, "text": context.value, "is_context": True}
            else:
                yield mistyped(context.where, context.value, "a string", key, key)
        found = self._found(record, "document")
        row = {**shared, "message_id": key, "parent_id": parent, "text": None if found is None else found.value}
        if found is None:
            where = next((p.text for p in self.spec.paths["document"] if p.steps[0] in record), "")
            said = f"{where} is null; expected a text" if where else "Record has no text"
            yield row
            yield Fault(FaultKind.MISSING_FIELD, said, 0).of(row)
            return
        if not isinstance(found.value, str):
            yield mistyped(found.where, found.value, "a string", key, key)
            row["text"] = None
        yield row

    # -- its parts -----------------------------------------------------------------------------------------------------

    def _prompt(self, record: dict[str, Any]) -> Generator[Fault, None, tuple[list[RecordTurn], bool]]:
        """Return the turns before the answer: system text, history, and the conversation so far.

        Also return whether it ends with the mark of an answer.
        """
        is_open = False
        system = self._system(record)
        turns = yield from self._history(record)
        name = next((each for each in BODIES if each in self.spec.paths), None)
        body: list[RecordTurn] = []
        found = None
        if name is not None:
            found = self._found(record, name)
            if found is None:
                where = next((p for p in self.spec.paths[name] if p.steps[0] in record), None)
                if name in self.needs:
                    said = f"{self.spec.paths[name][0].text} is missing" if where is None else f"{where.text} is null"
                    yield Fault(FaultKind.MISSING_FIELD, f"{said}; expected {_EXPECTED[name]}", 0)
            elif name == "prompt" and found.path.each is not None:
                body = yield from self._dialogue(record, found)
            else:
                body = yield from self._conversation(found, name)
                is_open = isinstance(found.value, str) and _is_open(found.value)
        given = self._given(record, found) if name == "prompt" and body else None
        if given is not None:
            if not isinstance(given.value, str):
                yield mistyped(given.where, given.value, "a string")
            elif given.value and body[-1].text is not None:
                body[-1] = body[-1]._replace(text=f"{body[-1].text}\n\n{given.value}")
        turns += body
        if system and turns and turns[0].role == "system" and turns[0].text == system[0].text:
            return turns, is_open
        return system + turns, is_open

    def _given(self, record: dict[str, Any], prompt: Found | None) -> Found | None:
        """Return the text that belongs to a prompt, if that is a text from another field."""
        if prompt is None or not isinstance(prompt.value, str):
            return None
        return first(record, (path for path in self.spec.paths.get("input", ()) if path != prompt.path))

    def _system(self, record: dict[str, Any]) -> list[RecordTurn]:
        found = self._found(record, "system")
        if found is None or found.value in ("", [], {}):
            return []
        if isinstance(found.value, str):
            return [
                RecordTurn(
                    "system",
                    _SYSTEM_MARK.sub("", found.value, count=1) if _SYSTEM_MARK.match(found.value) else found.value,
                )
            ]
        content = found.value
        if isinstance(content, dict) and "role" in content:
            return turns_within(content, found.where, self._turn)
        return turns_within({"role": "system", "content": content}, found.where, FIELDS)

    def _history(self, record: dict[str, Any]) -> Generator[Fault, None, list[RecordTurn]]:
        """Return earlier questions, each with its answer."""
        found = self._found(record, "history")
        if found is None:
            return []
        if not isinstance(found.value, list):
            yield mistyped(found.where, found.value, "a list of pairs")
            return []
        if _turns_in(found.value, self._turn) is not None:
            return (yield from turns_of(found.value, found.where, self._turn))
        turns: list[RecordTurn] = []
        for k, item in enumerate(found.value):
            if isinstance(item, list) and len(item) == 2:
                turns += [
                    text_turn("prompter", item[0], f"{found.where}[{k}][0]"),
                    text_turn("assistant", item[1], f"{found.where}[{k}][1]"),
                ]
            else:
                yield mistyped(f"{found.where}[{k}]", item, "a question and its answer")
        return turns

    def _dialogue(self, record: dict[str, Any], asked: Found) -> Generator[Fault, None, list[RecordTurn]]:
        """Return the turns of a list of questions, each with its answer."""
        answered = self._found(record, "answer")
        answers = answered.value if answered is not None and answered.path.each == asked.path.each else []
        turns = []
        for k, question in enumerate(asked.value):
            turns.append(text_turn("prompter", question, asked.where.replace("[]", f"[{k}]", 1)))
            if answers:
                assert answered is not None
                turns.append(text_turn("assistant", answers[k], answered.where.replace("[]", f"[{k}]", 1)))
        yield from ()
        return turns

    def _conversation(
        self, found: Found, name: str, role: str = "prompter", *, is_open: bool = False
    ) -> Generator[Fault, None, list[RecordTurn]]:
        """Return the turns in a field: a text, which may contain turns; a message; or a list of either.

        If the prompt `is_open`, the space after its last mark belongs to the mark.
        """
        value, where = found.value, found.where
        if isinstance(value, str):
            inner = _turns_in(decoded(value), self._turn)
            if inner is not None:
                value = inner
            elif name in ("turns", "texts"):
                inner = decoded(value)
                if inner is None:
                    yield mistyped(where, value, _EXPECTED[name])
                    return []
                value = inner
            elif (rendered := templates.read(value)) is not None:
                turns = yield from _rendered(rendered, where)
                # The mark of an answer that ends a prompt is none; where an answer is expected, it is an empty one.
                return [*turns, RecordTurn("assistant", "")] if rendered.is_open and role == "assistant" else turns
            else:
                return [text_turn(role, value.removeprefix(" ") if is_open else value, where)]
        items = items_of(value)
        are_texts = items is not None and all(item is None or isinstance(item, str) for item in items)
        if name != "turns" and items and are_texts and _turns_in(items, self._turn) is None:
            sides = ("prompter", "assistant") if role == "prompter" else ("assistant", "prompter")
            return [text_turn(sides[k % 2], text, f"{where}[{k}]") for k, text in enumerate(items)]
        if isinstance(value, dict) and items is None:
            return turns_within(value, where, self._turn)
        if not isinstance(value, list | dict):
            yield mistyped(where, value, _EXPECTED.get(name, "a text, a message or a list of messages"))
            return []
        return (yield from turns_of(value, where, self._turn))

    def _answer(self, record: dict[str, Any], *, is_open: bool) -> Generator[Fault, None, list[RecordTurn]]:
        """Return the answer to the prompt: a text, steps, calls of tools, or more messages."""
        turns: list[RecordTurn] = []
        found = self._found(record, "answer")
        steps = self._found(record, "steps")
        calls = self._found(record, "calls")
        if found is not None and found.path.each is None and not _is_several(found.value):
            turns = yield from self._conversation(found, "answer", "assistant", is_open=is_open)
            turns = [turn._replace(name="output") if len(turns) == 1 else turn for turn in turns]
        elif steps is not None:
            texts = [text for text in items_of(steps.value) or () if isinstance(text, str)]
            turns = [RecordTurn("assistant", "\n".join(texts), name="output")]
        elif calls is not None:
            made = decoded(calls.value) if isinstance(calls.value, str) else calls.value
            content = calls.value if isinstance(calls.value, str) else None
            message = {"role": "assistant", "content": content, "tool_calls": made if isinstance(made, list) else None}
            turns = turns_within(message, calls.where, FIELDS)
        if turns and (thought := self._found(record, "reasoning")) is not None and isinstance(thought.value, str):
            last = turns[-1]
            if last.role == "assistant" and last.reasoning is None and thought.value not in _SWITCH:
                turns[-1] = last._replace(reasoning=thought.value)
        return turns

    def _several(
        self, record: dict[str, Any], prompt: list[RecordTurn], answer: list[RecordTurn]
    ) -> tuple[list[RecordTurn], list[Branch]]:
        """Join prompt and answer; a list of texts as the answer is several answers."""
        found = self._found(record, "answer")
        if found is not None and found.path.each is None and _is_several(found.value):
            texts = found.value
            return prompt, [
                Branch([text_turn("assistant", text, f"{found.where}[{k}]")]) for k, text in enumerate(texts)
            ]
        return _joined(prompt, answer), []

    # -- several answers -----------------------------------------------------------------------------------------------

    def _pair(
        self, record: dict[str, Any], prompt: list[RecordTurn], *, is_open: bool
    ) -> Generator[Fault, None, tuple[list[RecordTurn], list[Branch]]]:
        spec = self.spec.paths
        if "chosen" not in spec:  # the conversation itself is the chosen one
            rejected = yield from self._side(record, "rejected", is_open=is_open)
            n = len(prompt) - 1
            if len(rejected) == 1:
                rejected = prompt[:n] + rejected
            return pair(prompt, rejected)
        chosen, rejected_at = self._found(record, "chosen"), self._found(record, "rejected")
        has_prompt = any(turn.role != "system" for turn in prompt)
        texts = [found.value for found in (chosen, rejected_at) if found is not None and isinstance(found.value, str)]
        if not has_prompt and len(texts) == 2 and not any(map(_is_conversation, texts)):
            start = _shared_start(*texts)
            prompt = [*prompt, RecordTurn("prompter", start)] if start else prompt
            better, worse = ([RecordTurn("assistant", text[len(start) :])] for text in texts)
        else:
            better = yield from self._side(record, "chosen", is_open=is_open)
            worse = yield from self._side(record, "rejected", is_open=is_open)
        better, worse = _whole(prompt, better), _whole(prompt, worse)
        return pair(better, worse) if better or worse else (prompt, [])

    def _side(self, record: dict[str, Any], name: str, *, is_open: bool) -> Generator[Fault, None, list[RecordTurn]]:
        found = self._found(record, name)
        if found is None:
            where = next((path.text for path in self.spec.paths[name] if path.steps[0] in record), name)
            yield mistyped(where, None, "a text, a message or a list of messages")
            return []
        return (yield from self._conversation(found, name, "assistant", is_open=is_open))

    def _sides(
        self, record: dict[str, Any], prompt: list[RecordTurn], *, is_open: bool
    ) -> Generator[Fault, None, tuple[list[RecordTurn], list[Branch]]]:
        """Return two answers or conversations, in the order of preference if there is one."""
        a = _whole(prompt, (yield from self._side(record, "a", is_open=is_open)))
        b = _whole(prompt, (yield from self._side(record, "b", is_open=is_open)))
        better = self._better(record)
        if better is None:
            start, branches = pair(a, b)
            return start, [branch._replace(side=None, rank=None) for branch in branches]
        return pair(a, b) if better == "a" else pair(b, a)

    def _better(self, record: dict[str, Any]) -> str | None:
        """Return which of two sides is better: a, b, or neither."""
        found = self._found(record, "better")
        if found is not None:
            value = int(found.value) if isinstance(found.value, float) and found.value.is_integer() else found.value
            word = str(value).strip()
            side = self.spec.better_is.get(word) or _BETTER.get(word.lower(), "tie")
            return None if side == "tie" else side
        found = self._found(record, "preference")
        if found is not None and isinstance(found.value, int | float) and found.value:
            return "a" if found.value < 0 else "b"
        of_a, of_b = self._found(record, "score_a"), self._found(record, "score_b")
        if of_a is not None and of_b is not None:
            values = of_a.value, of_b.value
            if all(isinstance(value, int | float) for value in values) and values[0] != values[1]:
                return "a" if values[0] > values[1] else "b"
        return None

    def _answers(self, record: dict[str, Any], *, is_open: bool) -> Generator[Fault, None, list[Branch]]:
        found = self._found(record, "answers")
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
                answers.append((yield from self._conversation(found, "answers", "assistant", is_open=is_open)))
        ranks = self._numbers(record, "rank", n)
        if ranks is None and (scores := self._numbers(record, "score", n)) is not None:
            ranks = [None if score is None else -score for score in scores]
        best = self._found(record, "best")
        if ranks is None and best is not None and type(best.value) is int and 0 <= best.value < n:
            ranks = [float(k != best.value) for k in range(n)]
        models = self._found(record, "model")
        named = models.value if models is not None and isinstance(models.value, list) and len(models.value) == n else []
        return ranked(answers, ranks, [m if isinstance(m, str) else None for m in named] or [None] * n)

    def _numbers(self, record: dict[str, Any], name: str, n: int) -> list[float | None] | None:
        """Return one number for each of `n` answers; None if the record has none."""
        found = self._found(record, name)
        if found is None or not isinstance(found.value, list) or len(found.value) != n:
            return None
        numbers = [float(v) if isinstance(v, int | float) else None for v in found.value]
        return None if all(number is None for number in numbers) else numbers

    # -- what is not text ----------------------------------------------------------------------------------------------

    def _with_media(
        self, record: dict[str, Any], prompt: list[RecordTurn], branches: list[Branch]
    ) -> tuple[list[RecordTurn], list[Branch]]:
        """Give the first prompt the images and sounds that the record keeps beside its messages."""
        named = {path: MEDIA.get(str(path.steps[-1]), "file") for path in self.spec.paths.get("media", ())}
        paths = {path_of(name): kind for name, kind in MEDIA.items()} | named
        media = list(dict.fromkeys(kind for path, kind in paths.items() if get(record, path.steps)))
        if not media:
            return prompt, branches
        prompt = list(prompt)
        asks = next((k for k, turn in enumerate(prompt) if turn.role == "prompter"), None)
        if asks is not None:
            held = prompt[asks].media or []
            prompt[asks] = prompt[asks]._replace(media=[*held, *(kind for kind in media if kind not in held)])
        return prompt, branches


def _either(names: Sequence[str]) -> str:
    """Return the first names of a field, and how many more it has."""
    more = [f"{len(names) - NAMES} others"] if len(names) > NAMES + 1 else names[NAMES:]
    return " or ".join([*names[:NAMES], *more])


def _below(path: Path) -> re.Pattern[str]:
    """Return a pattern for a field and all fields within it; `*` stands for any name."""
    return re.compile(re.escape(path.text).replace(r"\*", r"[^.\[\]]*") + r"(?:[.\[].*)?", re.DOTALL)


def _is_any(value: object) -> bool:
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_turns(value: object) -> bool:
    """Whether a value is a list of messages, in whatever packing; an empty list is one."""
    if isinstance(value, str):
        value = decoded(value)
    items = items_of(value)
    if items is None:
        return False
    return all(
        isinstance(item, dict) or (isinstance(item, str) and isinstance(decoded(item), dict)) for item in items[:1]
    )


def _is_texts(value: object) -> bool:
    if isinstance(value, str):
        value = decoded(value)
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _is_prompt(value: object) -> bool:
    return isinstance(value, str) or _is_turns(value) or _is_texts(value) or _is_values(value)


def _is_answer(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, dict | list) and bool(value))


def _is_values(value: object) -> bool:
    return isinstance(value, list) and any(value)


def _is_answers(value: object) -> bool:
    items = items_of(value)
    return items is not None and any(isinstance(item, str | list | dict) for item in items)


def _is_numbers(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_label(value: object) -> bool:
    return as_label(value) is not None


def _is_conversation(text: str) -> bool:
    return templates.read(text) is not None or _turns_in(decoded(text), FIELDS) is not None


_FITS = {
    "turns": _is_turns,
    "texts": _is_texts,
    "transcript": lambda value: isinstance(value, str) and templates.read(value) is not None,
    "prompt": _is_prompt,
    "document": _is_text,
    "answer": _is_answer,
    "answers": _is_answers,
    "steps": _is_texts,
    "label": _is_label,
    "chosen": _is_answer,
    "rejected": _is_answer,
    "a": _is_answer,
    "b": _is_answer,
    "preference": _is_numbers,
}
_EXPECTED = {
    "turns": "a list of messages",
    "texts": "a list of texts",
    "transcript": "a text with turns in it",
    "prompt": "a text or a list of messages",
    "document": "a text",
}
_BETTER = {
    **dict.fromkeys(("a", "model_a", "response_a", "0", "false", "first", "left", "model_1", "response_1"), "a"),
    **dict.fromkeys(("b", "model_b", "response_b", "1", "true", "second", "right", "model_2", "response_2"), "b"),
}


def _rendered(found: templates.Rendered, where: str) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the turns of a text that contains a conversation."""
    first, *others = found.turns
    lead: list[RecordTurn] = []
    turns = [first, *others]
    if first.role is None:  # text before the first mark
        fault = Fault(FaultKind.MISSING_FIELD, f"{where} starts with a text without a mark; expected a role", 0)
        lead, turns = [RecordTurn(None, first.text, faults=(fault,))], others
    said = [{"role": turn.role, "content": turn.text, "channel": turn.channel} for turn in turns]
    return lead + (yield from turns_of(said, where))


def _is_open(text: str) -> bool:
    rendered = templates.read(text)
    return rendered is not None and rendered.is_open


def _turns_in(value: Any, fields: Fields) -> list[Any] | None:
    """Return the messages that a decoded value contains: a list of them, or an object around one; None: no messages."""
    if isinstance(value, dict):
        value = next((value[name] for name in ("messages", "conversations") if isinstance(value.get(name), list)), None)
    if not isinstance(value, list) or not value:
        return None
    names = {*fields.role, *FIELDS.role}, {*fields.text, *FIELDS.text}
    for item in value:
        if isinstance(item, str):
            item = decoded(item)
        if not isinstance(item, dict) or not all(some & item.keys() for some in names):
            return None
    return value


def _is_several(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(text, str) for text in value)
        and not _turns_in(value, FIELDS)
    )


def _joined(prompt: list[RecordTurn], answer: list[RecordTurn]) -> list[RecordTurn]:
    """Join a prompt and what follows it, which may repeat the prompt."""
    return _whole(prompt, answer) or prompt


def _whole(prompt: list[RecordTurn], answer: list[RecordTurn]) -> list[RecordTurn]:
    """Join the prompt and one side, which may repeat the prompt."""
    system, asked = _parted(prompt)
    own_system, begun = _parted(answer)
    if asked and begun and asked[0][:2] == begun[0][:2]:
        return (own_system or system) + begun
    return prompt + answer if answer else []


def _parted(turns: list[RecordTurn]) -> tuple[list[RecordTurn], list[RecordTurn]]:
    n = next((k for k, turn in enumerate(turns) if turn.role != "system"), len(turns))
    return turns[:n], turns[n:]


def _shared_start(chosen: str, rejected: str) -> str:
    """Return the words that both texts start with. TRL takes them as the prompt if there is no other."""
    shorter = min(len(chosen), len(rejected))
    n = next((k for k in range(shorter) if chosen[k] != rejected[k]), shorter)
    words = re.match(r".*\S(?=\s)", chosen[:n], re.DOTALL)
    return words[0] if words else ""
