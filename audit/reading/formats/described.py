"""Records to messages, as a specification describes them."""

import re
from collections.abc import Collection, Generator, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

from ....checks.base.faults import FaultKind
from ....checks.base.messages import CHAT_ROLES, Form
from . import templates
from .assembly import Branch, joined, labelled, messages_of
from .base import Format
from .calls import tools_of
from .ends import Ends
from .faults import Fault, Row, mistyped
from .languages import language_of
from .paths import Found, Path, first, get, path_of
from .spec import BODIES, PAIRS, Spec
from .turns import RecordTurn, is_whole

RECORDS = Form("records", ("tree_id", "message_id"), roles=CHAT_ROLES, nested=True)
"""The common form of records with whole conversations; their reader reports what one lacks."""

LANGUAGES = (
    *("lang", "language_code", "language", "metadata.lang", "metadata.language", "meta.language"),
    *("metadata.identification.label", "document_lang", "langdetect"),
)
_KNOWN = ("id", "lang", "split", "model", "tools", "calls", "media", "rank", "score", "better", "label", "others")

NAMES = 3  # of a field, that errors and tables show

MEDIA = {"image": "image", "images": "image", "audio": "audio", "audios": "audio", "video": "video", "videos": "video"}


class Described(Ends, Format):
    """Records whose fields a specification names."""

    form: ClassVar = RECORDS

    def __init__(self, name: str, spec: Spec, needs: Sequence[str] = (), about: str = "", example: str = "") -> None:
        self.name, self.about, self.example = name, about, example
        # What a user names fits a record with either side of a pair, or else with the start of a conversation.
        pairs = [pair for pair in PAIRS if spec.paths.keys() >= {*pair}]
        super().__init__(spec, tuple(needs) or tuple(name for name in next(iter(pairs), BODIES) if name in spec.paths))
        self.needs_all = bool(needs)
        named = {path: MEDIA.get(str(path.steps[-1]), "file") for path in spec.paths.get("media", ())}
        self._media = list(({path_of(name): kind for name, kind in MEDIA.items()} | named).items())
        self.languages = spec.paths.get("lang") or tuple(map(path_of, LANGUAGES))
        self.fields = ("; " if needs else " or ").join(
            _either([p.text for p in spec.paths[name]]) for name in self.needs
        )
        self._heads = [frozenset(path.steps[0] for path in spec.paths[name]) for name in self.needs]

    @cached_property
    def _known(self) -> Sequence[re.Pattern[str]]:
        return [_below(path) for name in _KNOWN for path in self.spec.paths.get(name, ())]

    def known_of(self, record: dict[str, Any]) -> Sequence[re.Pattern[str]]:
        return self._known

    # -- recognition ---------------------------------------------------------------------------------------------------

    def may_have(self, names: Collection[str]) -> bool:
        are_there = (not heads.isdisjoint(names) for heads in self._heads)
        return all(are_there) if self.needs_all else any(are_there)

    def recognise(self, record: dict[str, Any]) -> str | None:
        found = []
        for name in self.needs:
            at = self._present(name, record)
            if at is not None:
                found.append(at)
            elif self.needs_all:
                return None
        return f"records have {' and '.join(dict.fromkeys(found))}" if found else None

    def _present(self, name: str, record: dict[str, Any]) -> str | None:
        """Return the field that a setting finds in a record, if it has a fitting type."""
        at = None
        for path in self.held(name, record):
            value = get(record, path.steps)
            if value is not None and self.fits(name, value):
                at = path.text
                if name == "transcript" and (rendered := templates.read(value)) is not None:
                    at += f" with turns inside (template {rendered.template})"
                break
        if at is None and name in ("chosen", "rejected"):  # one side may be null
            other = "rejected" if name == "chosen" else "chosen"
            if self.held(name, record) and first(record, self.held(other, record)) is not None:
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

    def lacking(self, record: dict[str, Any]) -> str:
        """Return the fields that it needs and a record has not, by any name."""
        absent = [name for name in self.needs if not self.held(name, record)]
        return "; ".join(_either([path.text for path in self.spec.paths[name]]) for name in absent)

    # -- a record to messages ------------------------------------------------------------------------------------------

    def flatten(
        self, record: dict[str, Any], place: str, languages: Sequence[Path] | None = None
    ) -> Iterator[Row | Fault]:
        spec = self.spec.paths
        shared = yield from self._shared(record, place, self.languages if languages is None else languages)
        if "document" in spec:
            yield from self._document(record, shared)
            return
        prompt, is_open = yield from self.prompt(record)
        if "label" in spec and ((label := self.found(record, "label")) is not None or "label" in self.needs):
            label = label or Found(spec["label"][0], None)
            answer = yield from self.answer(record, is_open=is_open)
            prompt, branches = yield from labelled(joined(prompt, answer), label.value, label.where)
        elif "chosen" in spec or "rejected" in spec:
            prompt, branches = yield from self.pair_of(record, prompt, is_open=is_open)
        elif "a" in spec:
            prompt, branches = yield from self.sides_of(record, prompt, is_open=is_open)
        elif "answers" in spec:
            branches = yield from self.answers_of(record, is_open=is_open)
            if branches and prompt and prompt[-1].role == "assistant":  # one of the answers is in the conversation too
                last = prompt.pop()
                if not any(turn.text == last.text for branch in branches for turn in branch.turns):
                    branches = [Branch([last]), *branches]
        elif "turns" in spec and prompt and prompt[-1].role == "assistant":
            branches = []  # the conversation has its answer
        else:
            answer = yield from self.answer(record, is_open=is_open)
            prompt, branches = self.several(record, prompt, answer)
        turns = [*prompt, *(turn for branch in branches for turn in branch.turns)]
        if not turns:
            return
        yield from messages_of(shared, self._with_media(record, prompt), branches)

    def _shared(self, record: dict[str, Any], place: str, languages: Sequence[Path]) -> Generator[Fault, None, Row]:
        """Return what all messages of a record share."""
        found = first(record, self.held("id", record))
        key = None if found is None else found.value
        if is_whole(key):
            key = str(int(key))
        elif found is not None and (not isinstance(key, str) or not key):
            if key != "":
                yield mistyped(found.where, key, "a string or an integer", place)
            key = None
        shared: Row = {"tree_id": place if key is None else key}
        if (split := first(record, self.held("split", record))) is not None:
            if isinstance(split.value, str):
                shared["split"] = split.value
            else:
                yield mistyped(split.where, split.value, "a string")
        if (tools := self.found(record, "tools")) is not None:
            shared["tools"] = tools_of({"tools": tools.value})
        for path in languages:
            value = get(record, path.steps) if path.steps[0] in record else None
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                value = value[0] if len(value) == 1 else None  # a text in several languages has no single one
            if isinstance(value, str):
                if (tag := language_of(value)) is not None:
                    shared["lang"] = tag
                    break
            elif value is not None and len(path.steps) == 1:
                yield mistyped(path.text, value, "a string")
        return shared

    def _document(self, record: dict[str, Any], shared: Row) -> Iterator[Row | Fault]:
        key = shared["tree_id"]
        parent = None
        if (context := self.found(record, "context")) is not None:
            if isinstance(context.value, str):
                parent = f"{key}#context"
                # The language is that of the answer.
                yield {"tree_id": key, "message_id": parent, "text": context.value, "is_context": True}
            else:
                yield mistyped(context.where, context.value, "a string", key, key)
        found = self.found(record, "document")
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

    # -- what is not text ----------------------------------------------------------------------------------------------

    def _with_media(self, record: dict[str, Any], prompt: list[RecordTurn]) -> list[RecordTurn]:
        """Give images and sounds that the record keeps beside its messages to those with a mark like <image>.

        The first prompt has those without a mark.
        """
        paths = [(path, kind) for path, kind in self._media if path.steps[0] in record]
        kinds = list(dict.fromkeys(kind for path, kind in paths if get(record, path.steps)))
        if not kinds:
            return prompt
        media = [[*(turn.media or ()), *_marks(turn.text or "", kinds)] for turn in prompt]
        asks = next((k for k, turn in enumerate(prompt) if turn.role == "prompter"), None)
        if asks is not None:
            media[asks] += [kind for kind in kinds if not any(kind in own for own in media)]
        return [turn._replace(media=own or None) for turn, own in zip(prompt, media, strict=True)]


def _marks(text: str, kinds: Sequence[str]) -> list[str]:
    """Return the kind of each mark of a medium in a text."""
    return [kind for kind in kinds for _ in range(text.count(f"<{kind}>"))]


def _either(names: Sequence[str]) -> str:
    """Return the first names of a field, and how many more it has."""
    more = [f"{len(names) - NAMES} others"] if len(names) > NAMES + 1 else names[NAMES:]
    return " or ".join([*names[:NAMES], *more])


def _below(path: Path) -> re.Pattern[str]:
    """Return a pattern for a field and all fields within it; `*` stands for any name."""
    return re.compile(re.escape(path.text).replace(r"\*", r"[^.\[\]]*") + r"(?:[.\[].*)?", re.DOTALL)
