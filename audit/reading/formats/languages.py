"""Languages as people write them, in one form: `en` for English, EN, eng and eng_Latn."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

import pyarrow as pa

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")
_QUALIFIED = re.compile(r"([^()]+) \(([^()]+)\)")  # Chinese (Simplified), Portuguese (Brazil)
_MAX_LENGTH = 100  # of a name; longer ones are none
_NO_LANGUAGE = ("", "unknown", "undefined", "undetermined", "none", "null", "n/a", "na", "nan", "other", "-", "?")
_SHORTEST_NAME = 4  # letters of a name in the Latin script
# Valid tags, but written by programs for a missing value: pandas' NaN, Lua's nil, tokenisers' unknown.
_MISSING = ("nan", "nil", "unk")
# Shorter than langcodes has them: Tagalog, which it calls Filipino, and members of one language with its own code.
_USUAL = {"tgl": "tl", "pbt": "ps", "quy": "qu", "fuv": "ff"}
# Written in two scripts so often that the bare tag names neither.
_TWO_SCRIPTS = ("sr", "zh")
_SAME_SCRIPT = {"Hang": "Kore", "Hrkt": "Jpan"}

_PROGRAMMING_NAMES = """
    abap actionscript ada agda apl applescript arduino asm assembly autohotkey awk bash basic batch batchfile c c# c++
    clojure cmake cobol coffeescript coq cpp crystal csharp css cuda cypher cython d dart delphi dockerfile elixir elm
    emacs-lisp erlang f# fortran fortran90 freebasic fsharp gdscript glsl go golang graphql groovy hack haskell haxe
    hcl hlsl html idris ini java javascript json jsx julia jupyter kotlin latex lean lisp llvm logo lua makefile
    markdown mathematica matlab mermaid mojo nim nix objective-c objectivec ocaml octave opencl pascal perl php
    plaintext plpgsql powershell processing prolog protobuf purescript python python2 python3 qml r racket raku reason
    restructuredtext ruby rust sas sass scala scheme scratch scss shell smalltalk solidity sparql sql stan stata
    svelte swift systemverilog t-sql tcl tex toml tsql tsx typescript vala vb vb.net vba verilog vhdl vim vim-script
    viml visual-basic vue wasm webassembly wolfram xml xquery xslt yaml zig zsh
    bat cc cs ex hs js jl kt md ml ps1 pl py rb rs sh ts yml
"""
_PROGRAMMING = frozenset(_PROGRAMMING_NAMES.split())


@lru_cache(10_000)
def tag_of(value: str) -> str | None:
    """Return the tag (BCP 47) of a language that is written as a tag, a code, or a name; None if it is no language.

    Names are those in English and in the language itself, to the letter. Tags take the shortest usual code, and have a
    script only if it is not the usual one (`sr` and `zh` have no usual one).
    """
    value = value.strip()
    # An unpaired surrogate is not printable either.
    if not value.isprintable() or len(value) > _MAX_LENGTH or value == "NA" or value.lower() in _MISSING:
        return None
    tag = _form(value.replace("_", "-")) if _TAG.fullmatch(value) else None
    return tag or _named(value)


def is_programming(value: str) -> bool:
    """Whether this is the name of a programming language, or the suffix of its files."""
    return value.strip().lower().replace(" ", "-") in _PROGRAMMING


def language_of(value: str) -> str | None:
    """Return the tag of a language, or its name if it has none; None: the value names no language of people."""
    if (tag := tag_of(value)) is not None:
        return tag
    return None if value.strip().lower() in _NO_LANGUAGE or is_programming(value) else value


def is_language_field(values: Iterable[str]) -> bool:
    """Whether a sample of the values of a field are languages that people speak, and not programming languages.

    A value that may be either (`lua`, `pl`) counts as the others do; if all may, codes of two letters are languages.
    """
    written = [value.strip() for value in values if value.strip()]
    programming = [value for value in written if is_programming(value)]
    # What is written as a tag is meant as one; a rule reports those that are not registered.
    spoken = [value for value in written if tag_of(value) or (_TAG.fullmatch(value) and value not in programming)]
    either = [value for value in programming if tag_of(value) is not None]
    n_neither = len(written) - len(programming) - len(spoken) + len(either)
    if not written or 2 * n_neither > len(written):
        return False
    if len(programming) == len(spoken) == len(either):
        return all(len(value) == 2 for value in either)
    return len(spoken) > len(programming)


def normalised(column: pa.Array) -> pa.Array:
    """Return a column of strings with each language in the form of `tag_of`; what is no language stays as it is."""
    encoded = column.dictionary_encode()
    written = encoded.dictionary.to_pylist()
    tags = [tag_of(value) or value for value in written]
    return column if tags == written else pa.array(tags, column.type).take(encoded.indices)


def _form(tag: str) -> str | None:
    """Return a tag in its one form; None if it is not valid."""
    from langcodes import Language, standardize_tag, tag_is_valid  # its tables take 60 ms to load

    if not tag_is_valid(tag):
        return None
    code, hyphen, rest = tag.partition("-")
    code = _USUAL.get(code.lower(), code.lower())
    tag = standardize_tag(f"{code}{hyphen}{rest}", macro=True)
    if code == "tl":
        tag = code + tag.removeprefix("fil")
    own = Language.get(tag, normalize=False)
    if own.script and own.language not in _TWO_SCRIPTS:
        usual = Language.make(own.language, territory=own.territory).maximize().script
        if _SAME_SCRIPT.get(own.script, own.script) == usual:
            tag = tag.replace(f"-{own.script}", "", 1)
    return str(tag)


def _named(name: str) -> str | None:
    """Return the tag of a language by its name in English, also with a script or a country, or by its own name."""
    from langcodes import Language

    if len(name) < _SHORTEST_NAME and name.isascii():  # some languages have names that are others' codes
        return None
    if (code := _code("en/name_to_language", name)) is not None:
        return _form(code)
    if match := _QUALIFIED.fullmatch(name):
        code = _code("en/name_to_language", match[1])
        of = _code("en/name_to_script", match[2]) or _code("en/name_to_territory", match[2])
        of = of or (match[2] if len(match[2]) == 2 else None)  # English (US)
        return _form(f"{code}-{of}") if code and of else None
    # Names in any language have many that are others elsewhere: Java is what some call Javanese.
    code = _code("und/name_to_language", name)
    is_own = code is not None and Language.get(code).autonym().casefold() == name.casefold()
    return _form(code) if code and is_own else None


def _code(table: str, name: str) -> str | None:
    """Return the code for a name; langcodes itself would also take the start of one."""
    names = import_module("language_data.names")
    key, trie = names.normalize_name(name), _trie(table)
    return str(names.get_trie_value(trie, key)) if key in trie else None


@cache
def _trie(table: str) -> Any:
    path = import_module("language_data.util").data_filename(f"trie/{table}.marisa")
    return import_module("language_data.names").load_trie(path)
