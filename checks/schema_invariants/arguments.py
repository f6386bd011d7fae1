"""Arguments of calls against the JSON Schema that their tool declares.

Schemas are of the data, and so hostile: references are resolved within the schema only, patterns are not run, and
the work for one call is bounded.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

MAX_LENGTH = 100_000  # characters of a schema, and of the arguments of a call
MAX_REFERENCES = 1_000  # followed for one call: a few definitions that name one another twice would be exponential
_PARAMETERS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema")
_TYPES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}

Fault = Callable[[str], str]
"""Returns how arguments break a schema, nothing if they do not."""


def is_damaged(arguments: str) -> bool:
    """Whether arguments begin like an object or a list and are no JSON."""
    if arguments.strip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return True
    return False


@lru_cache(maxsize=512)
def fault_by(declaration: str) -> Fault | None:
    """Return the check of a tool's arguments by its declaration as JSON; None if it declares no valid JSON Schema."""
    if len(declaration) > MAX_LENGTH:
        return None
    schema = _schema_of(json.loads(declaration))
    try:
        if schema is None:
            return None
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError):
        return None

    def fault(arguments: str) -> str:
        if len(arguments) > MAX_LENGTH:
            return ""
        try:
            given = json.loads(arguments) if arguments.strip() else {}
            if not isinstance(given, dict):
                return f"the arguments are {_kind(given)}; expected an object"
            found = next(_Budget(schema).errors(given), None)
        except json.JSONDecodeError:
            return "the arguments are not JSON; expected an object"
        except (_TooMuch, Unresolvable, RecursionError):
            return ""
        return "" if found is None else _words(found)

    return fault


def _schema_of(declared: object) -> Mapping[str, Any] | None:
    """Return the schema of the parameters that a declaration has; None where it has another form."""
    if not isinstance(declared, dict):
        return None
    inner = declared.get("function", declared)
    if not isinstance(inner, dict):
        return None
    schema = next((inner[name] for name in _PARAMETERS if isinstance(inner.get(name), dict)), None)
    # Some data sets list the parameters themselves, in forms of their own.
    return schema if schema and (schema.get("type") == "object" or "$ref" in schema) else None


class _TooMuch(Exception):
    """More references were followed than a call is worth."""


class _Budget:
    """A validator that follows a bounded number of references."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._left = MAX_REFERENCES
        # Patterns may take forever, and formats are no promise.
        unread = dict.fromkeys(("pattern", "patternProperties", "propertyNames", "format"), _nothing)
        counted = {name: self._counted(name) for name in ("$ref", "$dynamicRef")}
        self._validator = extend(Draft202012Validator, {**unread, **counted})(schema, registry=Registry())

    def errors(self, given: object) -> Iterator[ValidationError]:
        found: Iterator[ValidationError] = self._validator.iter_errors(given)
        return found

    def _counted(self, name: str) -> Callable[..., Iterator[ValidationError] | None]:
        follow = Draft202012Validator.VALIDATORS[name]

        def keyword(*of: Any) -> Iterator[ValidationError] | None:
            self._left -= 1
            if self._left < 0:
                raise _TooMuch
            found: Iterator[ValidationError] | None = follow(*of)
            return found

        return keyword


def _nothing(*_: object) -> tuple[()]:
    return ()


def _words(error: ValidationError) -> str:
    """Say what is wrong; names and values of the data are clipped."""
    place = _clipped(".".join(map(str, error.absolute_path)))
    subject = place or "the whole"
    expected: Any = error.validator_value
    match error.validator:
        case "required":
            lacking = next((name for name in expected if name not in error.instance), "")
            return f"{_clipped(f'{place}.{lacking}'.lstrip('.'))} is missing"
        case "additionalProperties" | "unevaluatedProperties":
            known = error.schema.get("properties", {})
            extra = next((name for name in error.instance if name not in known), "")
            return f"{_clipped(f'{place}.{extra}'.lstrip('.'))} is not a parameter"
        case "type":
            of = expected if isinstance(expected, str) else " or ".join(map(str, expected))
            return f"{subject} is {_kind(error.instance)}; expected {_clipped(of)}"
        case "enum" | "const":
            values = expected if isinstance(expected, list) else [expected]
            return f"{subject} is {_shown(error.instance)}; expected {_clipped(' or '.join(map(_shown, values[:5])))}"
    return f"{subject} does not satisfy {_clipped(str(error.validator))}"


def _kind(value: object) -> str:
    return "null" if value is None else _TYPES[type(value)]


def _shown(value: object) -> str:
    return _clipped(json.dumps(value, ensure_ascii=False))


def _clipped(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
