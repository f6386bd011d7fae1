"""What is done about findings when a data set is cleaned, from TOML: what is unknown is refused."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from ..checks.base.findings import LEVELS, Severity
from ..checks.schema_invariants import UNREADABLE_LINE
from . import registry
from .config import toml

Action = Literal["keep", "drop_message", "drop_subtree", "drop_tree", "keep_best", "fix_language"]
Criterion = Literal["split", "replies", "rank", "quality", "review", "length"]

DEFAULT = """\
# What `chataudit clean` does about findings. Copy it, change it, and pass it with --policy; what stands in your file is
# all that is done. Actions:
#   keep          leave it as it is
#   drop_message  drop the message, and the replies to it (unless its id stands in the tree a second time)
#   drop_subtree  drop the message and all that stands below it
#   drop_tree     drop the whole tree
#   keep_best     drop all copies of a text but the best one (findings with a partner and a cluster)
#   fix_language  set the language tag to the detected language (findings with a detected language)

# Which copy is the best: the first of these that differs decides, then the smallest id.
#   split    of an evaluation split, rather than of training data
#   replies  with more messages below it, that would be lost with it
#   rank     of the better rank
#   quality  of the higher label "quality"
#   review   accepted in review, and reviewed more often
#   length   of the longer text
keep_best_by = ["split", "replies", "rank", "quality", "review", "length"]

# Milder findings are left alone, unless their very rule is named below.
min_severity = "warning"

# By check, or by check/rule, which stands above it.
[rules]
schema_invariants = "drop_message"
"schema_invariants/root_role" = "drop_subtree"
"schema_invariants/cycle" = "drop_subtree"
"schema_invariants/one_root" = "drop_subtree"
"schema_invariants/tree_id" = "drop_subtree"
"schema_invariants/tree_state" = "drop_tree"
"schema_invariants/lottery_replies" = "drop_tree"
near_duplicates = "keep_best"
prompt_parroting = "drop_message"
benchmark_leakage = "drop_subtree"
"benchmark_leakage/answer" = "drop_message"
lang_mismatch = "drop_message"
"""


@dataclass(frozen=True)
class Policy:
    """What is done about which findings.

    Raises
    ------
    ValueError
        If a criterion, a rule or an action does not exist, or an action does not fit its rule.
    """

    keep_best_by: tuple[Criterion, ...] = get_args(Criterion)  # the first that differs decides, then the smallest id
    min_severity: Severity = "warning"  # milder findings are left alone, unless their very rule is named
    rules: Mapping[str, Action] = field(default_factory=dict)  # by check/rule, or by check; what is not named is kept

    def __post_init__(self) -> None:
        known = get_args(Criterion)
        for k, criterion in enumerate(self.keep_best_by):
            if criterion not in known or criterion in self.keep_best_by[:k]:
                fault = "is no criterion" if criterion not in known else "stands twice"
                raise ValueError(f"keep_best_by: {criterion!r} {fault}; there are {', '.join(known)}")
        if self.min_severity not in get_args(Severity):
            raise ValueError(f"min_severity: {self.min_severity!r}; expected one of {', '.join(get_args(Severity))}")
        for name, action in self.rules.items():
            _hold(name, action, f"[rules] {name}")

    def action(self, rule: str, severity: int) -> Action | None:
        """What is done about a finding of this rule (check/rule); None where the policy does not say."""
        if rule in self.rules:
            return self.rules[rule]
        if severity < LEVELS[self.min_severity]:
            return "keep"
        return self.rules.get(rule.partition("/")[0])

    def toml(self) -> str:
        """The policy as a file that `load_policy` reads."""
        order = ", ".join(f'"{name}"' for name in self.keep_best_by)
        # A quoted key of TOML is written as a string of JSON is.
        rules = "".join(f'{json.dumps(name)} = "{action}"\n' for name, action in self.rules.items())
        return f'keep_best_by = [{order}]\nmin_severity = "{self.min_severity}"\n\n[rules]\n{rules}'


def load_policy(path: Path | None = None) -> Policy:
    """The policy in a TOML file, or the default one.

    Raises
    ------
    LookupError
        If the file does not exist.
    ValueError
        If it is no TOML, or names a key, a rule, a criterion or an action that does not exist or does not fit.
    """
    if path is None:
        return _policy(tomllib.loads(DEFAULT), "the default policy")
    return _policy(toml(path), str(path))


def _policy(table: dict[str, Any], where: str) -> Policy:
    keys = list(Policy.__dataclass_fields__)
    for key in table:
        if key not in keys:
            raise ValueError(f"{where}: {key}: no such key; there are {', '.join(keys)}. Rules stand under [rules]")
    for key, kind, words in (("rules", dict, "a table of actions by rule"), ("keep_best_by", list, "a list of names")):
        if not isinstance(table.get(key, kind()), kind):
            raise ValueError(f"{where}: {key} is {table[key]!r}; expected {words}")
    if "keep_best_by" in table:
        table = table | {"keep_best_by": tuple(table["keep_best_by"])}
    try:
        return Policy(**table)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _hold(name: str, action: Any, where: str) -> None:
    """Refuse a rule that no check has, or an action that does not fit it."""
    known = registry.checks()
    check, _, rule = name.partition("/")
    if check not in known:
        raise ValueError(f"{where}: no check {check!r}; there are {', '.join(known)}")
    rules = [r.name for r in known[check].rules]
    if "/" in name and rule not in rules:
        raise ValueError(f"{where}: no rule {rule!r}; {check} has {', '.join(rules)}")
    if action not in get_args(Action):
        raise ValueError(f"{where}: no action {action!r}; there are {', '.join(get_args(Action))}")
    facets = known[check].facets
    if action == "keep_best" and not {"partner", "cluster"} <= facets.keys():
        raise ValueError(
            f"{where}: 'keep_best' wants findings with the facets partner and cluster, which {check} does not give. "
            "Use drop_message, drop_subtree, drop_tree or keep"
        )
    if action == "fix_language" and "detected" not in facets:
        raise ValueError(
            f"{where}: 'fix_language' wants findings with the facet detected, which {check} does not give. "
            "Use drop_message, drop_subtree, drop_tree or keep"
        )
    if action == "keep" and name == UNREADABLE_LINE.id:
        raise ValueError(f"{where}: a record that could not be read is always left out. Drop the line from the policy")
