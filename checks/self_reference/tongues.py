"""How assistants speak about themselves in the 35 languages of OASST; the forms are in tongues.toml."""

import tomllib
from pathlib import Path
from typing import NamedTuple

from ..base.text.languages import base

NEVER = r"(?!)"  # a form that a language does not have


class Tongue(NamedTuple):
    """The forms of one language, as fragments of regular expressions."""

    am: str  # "I am", before a name or an agent
    called: str  # "my name is", "you are talking to", before a name
    fill: str  # words that may come in between: "just", "only", "a", "the"
    agent: str  # a thing that answers: "language model", "AI assistant", "chatbot"
    me: str  # other marks of speech about oneself: "I was", "trained me", "my creators"
    made: str  # stems of "made", "developed", "trained", "maker"
    knows: str  # "my knowledge", "my training", "I was updated"
    sorry: str
    cannot: str  # "I cannot", "I am unable"
    help: str  # "help", "answer", "fulfil", "with that"
    asks: str  # a user's "who are you", "what is your name", "who made you", "are you human"
    as_: str = NEVER  # "as", before an agent
    behind: str = NEVER  # "I am", behind a name or an agent
    as_behind: str = NEVER  # "as", behind an agent


TONGUES = {
    code: Tongue(**forms)
    for code, forms in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}


def tongue_of(tag: str | None) -> str | None:
    """Return the language of a tag, if its forms are known."""
    code = base(tag) if tag else None
    code = "nb" if code in ("no", "nn") else code
    return code if code in TONGUES else None
