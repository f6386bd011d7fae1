"""The policy of `clean`: which action applies to which rule, from TOML or from the rules' own actions."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from ...checks.base.findings import LEVELS, NOTE, Action, Concerns, Rule, Severity
from ...checks.base.settings import suggestion
from ...reports.record import Record, RuleFacts
from .. import registry
from ..config import toml

DEFAULT, STRICT = "default", "strict"  # the policies that the rules have themselves
# What people said of a copy comes before what it happens to have: replies found nowhere else keep it in any case.
Criterion = Literal["split", "rank", "review", "quality", "age", "replies", "length"]
_STRICT_ORDER: tuple[Criterion, ...] = ("split", "replies", "rank", "quality", "review", "length")

_HEAD = """\
# Policy of `chataudit clean`. To change it, copy this file, edit it, and pass it with --policy. Findings of rules that
# it does not name are kept. Actions:
#   keep          change nothing
#   drop_message  drop the message and the replies below it, except replies that keep a parent because another message
#                 in the tree has the same id
#   drop_subtree  drop the message and all replies below it, without exception
#   drop_tree     drop the whole tree
#   keep_best     drop all duplicates of a text except the best one (needs the facets partner and cluster, or a rule
#                 about repeated ids)
#   fix_language  set the language tag to the detected language (needs the facet detected)

# The best duplicate: the first criterion that differs decides, then the smallest id.
#   split    from an evaluation split rather than from training data
#   rank     better rank
#   review   accepted in review, and reviewed more often
#   quality  higher label "quality"
#   age      older date
#   replies  more messages below it
#   length   longer text
"""
_UNIQUE = """
# If true, keep_best drops a duplicate only if nothing is lost: its text (case and white space apart) is in a message
# that is kept, and so is all that would be dropped along with it, after the same messages. All other actions drop in
# any case.
"""
_MIN = "\n# Milder findings are kept, unless their rule is named below.\n"
_RULES = "\n# By check, or by check/rule, which takes precedence.\n"


class _Known(NamedTuple):
    """The rules of a check, and the keys of its facets."""

    rules: dict[str, Rule | RuleFacts]  # by check/rule
    facets: frozenset[str]


@dataclass(frozen=True)
class Policy:
    """Which action applies to which findings.

    Raises
    ------
    ValueError
        If a criterion or a severity does not exist.
    """

    keep_best_by: tuple[Criterion, ...] = get_args(Criterion)  # the first that differs decides, then the smallest id
    keep_unique: bool = True  # `keep_best` drops no text that is found nowhere else
    min_severity: Severity = "warning"  # milder findings are kept, unless their own rule is named
    rules: Mapping[str, Action] = field(default_factory=dict)  # by check/rule, or by check

    def __post_init__(self) -> None:
        known = get_args(Criterion)
        for k, criterion in enumerate(self.keep_best_by):
            if criterion not in known or criterion in self.keep_best_by[:k]:
                fault = "is named twice" if criterion in known else "is not a criterion"
                raise ValueError(f"keep_best_by: {criterion!r} {fault}. {suggestion(criterion, known)}")
        severities = get_args(Severity)
        if self.min_severity not in severities:
            way_out = suggestion(self.min_severity, severities)
            raise ValueError(f"min_severity: {self.min_severity!r} is not a severity. {way_out}")

    def action(self, rule: str, severity: int) -> Action:
        """Return the action for a finding of this rule (check/rule)."""
        if rule in self.rules:
            return self.rules[rule]
        if severity < LEVELS[self.min_severity]:
            return Action.KEEP
        return self.rules.get(rule.partition("/")[0], Action.KEEP)

    def toml(self) -> str:
        """Return the policy as a file that `load_policy` reads."""
        order = ", ".join(f'"{name}"' for name in self.keep_best_by)
        # A quoted key of TOML is written as a string of JSON is.
        rules = "".join(f'{json.dumps(name)} = "{action}"\n' for name, action in self.rules.items())
        unique = f"{_UNIQUE}keep_unique = {json.dumps(self.keep_unique)}\n"
        severity = f'{_MIN}min_severity = "{self.min_severity}"\n'
        return f"{_HEAD}keep_best_by = [{order}]\n{unique}{severity}{_RULES}[rules]\n{rules}"


def load_policy(name: str | Path = DEFAULT, record: Record | None = None) -> Policy:
    """Read the policy in a TOML file, or make one of the actions that the rules have themselves.

    Parameters
    ----------
    name : str or Path
        `default`, `strict`, or the path of the file.
    record : Record, optional
        The audit whose rules are known beside those of the installed checks.

    Raises
    ------
    LookupError
        If the file does not exist.
    ValueError
        If it is not TOML, or names an unknown or unsuitable key, rule, criterion or action.
    """
    known = _known(record)
    if name == DEFAULT:
        return Policy(rules=_by_check(known, is_strict=False))
    if name == STRICT:
        return Policy(_STRICT_ORDER, keep_unique=False, rules=_by_check(known, is_strict=True))
    if not (path := Path(name)).exists():
        raise LookupError(f"{path}: no such file. Expected {DEFAULT}, {STRICT}, or the path of a policy file")
    try:
        return _policy(toml(path), known)
    except ValueError as error:
        raise ValueError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None


def _known(record: Record | None) -> dict[str, _Known]:
    """Return the rules of all installed checks, and of the checks in a record."""
    found = {
        name: _Known({rule.id: rule for rule in check.rules}, frozenset(check.facets))
        for name, check in registry.checks().items()
    }
    for check in () if record is None else record.facts.checks:
        found.setdefault(check.name, _Known({rule.id: rule for rule in check.rules}, frozenset(check.facets)))
    return found


def _by_check(known: Mapping[str, _Known], *, is_strict: bool) -> dict[str, Action]:
    """Return the rules' own actions: for each check the most frequent one, then its exceptions by rule."""
    named: dict[str, Action] = {}
    for name, check in known.items():
        # Notes are kept by their severity; a record that could not be read is left out in any case.
        actions = {
            rule.id: rule.strict_action if is_strict else rule.action
            for rule in check.rules.values()
            if rule.severity > NOTE and rule.action != Action.DROP_RECORD
        }
        if actions:
            named[name] = usual = Counter(actions.values()).most_common(1)[0][0]
            named |= {rule: action for rule, action in actions.items() if action != usual}
    return named


def _policy(table: dict[str, Any], known: Mapping[str, _Known]) -> Policy:
    keys = ("keep_best_by", "keep_unique", "min_severity", "rules")
    for key in table:
        if key not in keys:
            raise ValueError(f"{key}: unknown key. {suggestion(key, keys)}. Rules belong under [rules]")
    for key, kind, words in (
        ("rules", dict, "a table of actions by rule"),
        ("keep_best_by", list, "a list of names"),
        ("keep_unique", bool, "true or false"),
    ):
        if not isinstance(table.get(key, kind()), kind):
            raise ValueError(f"{key} is {table[key]!r}; expected {words}")
    if "keep_best_by" in table:
        table = table | {"keep_best_by": tuple(table["keep_best_by"])}
    rules = {name: _action(name, action, known) for name, action in table.get("rules", {}).items()}
    return Policy(**(table | {"rules": rules}))


def _action(name: str, action: Any, known: Mapping[str, _Known]) -> Action:
    """Return the action that a policy gives for a rule or a check; refuse what does not exist or does not fit."""
    where = f"[rules] {name}"
    check, _, rule = name.partition("/")
    if check not in known:
        raise ValueError(f"{where}: {check!r} is not a check. {suggestion(check, known)}")
    rules = known[check].rules
    if rule and name not in rules:
        names = [each.partition("/")[2] for each in rules]
        raise ValueError(f"{where}: {rule!r} is not a rule of {check}. {suggestion(rule, names)}")
    choices = [each for each in Action if each != Action.DROP_RECORD]
    if name in rules and rules[name].action == Action.DROP_RECORD:
        raise ValueError(
            f"{where}: a record that could not be read is always left out. Remove this line from the policy"
        )
    if action not in choices:
        raise ValueError(f"{where}: {action!r} is not an action. {suggestion(action, choices)}")
    wants = {Action.KEEP_BEST: {"partner", "cluster"}, Action.FIX_LANGUAGE: {"detected"}}.get(action, set())
    if action == Action.KEEP_BEST and name in rules and rules[name].concerns in REPEATED:
        wants = set()  # the messages with the same id are the copies
    if not wants <= known[check].facets:
        raise ValueError(f"{where}: {unfit(Action(action), wants)}, which {check} does not report. {WAY_OUT}")
    return Action(action)


REPEATED = (Concerns.REPEATED_ID, Concerns.REPEATED_TREE)
WAY_OUT = "Use drop_message, drop_subtree, drop_tree or keep"


def unfit(action: Action, facets: set[str]) -> str:
    """Return the words of an error about facets that an action needs."""
    return f"'{action}' needs findings with the facet{'s' * (len(facets) > 1)} {' and '.join(sorted(facets))}"
