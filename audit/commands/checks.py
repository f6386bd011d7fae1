"""The commands `checks` and `explain`: checks with their settings, rules with their advice."""

import json
from typing import Annotated

import typer

from ...checks.base.check import Check
from ...checks.base.findings import SEVERITIES
from ...checks.base.settings import Setting, Wants, suggestion
from ...checks.base.settings import settings as settings_of
from .. import config as configuration
from .. import registry
from .options import ConfigFile, Plugins
from .terminal import print_pairs, print_text, unknown, use_plugins, user_errors


def checks(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Check to show in full. [default: list all]", show_default=False),
    ] = None,
    plugin: Plugins = None,
    config: ConfigFile = None,
) -> None:
    """List the checks, or the rules and settings of one."""
    with user_errors():
        use_plugins(plugin)
        configuration.load(config)  # may name plug-ins
        known = registry.checks()
        if name is None:
            print_pairs([(check.name, _summary(check)) for check in known.values()])
        elif name in known:
            _print_check(known[name])
        else:
            raise LookupError(f"{name!r} is not a check. {suggestion(name, known)}")


def _print_check(check: type[Check]) -> None:
    print_text(f"{check.name}: {_summary(check)}\n\nRules")
    width = max(len(rule.name) for rule in check.rules)
    print_pairs([(f"  {SEVERITIES[rule.severity]:8} {rule.name:{width}}", rule.title) for rule in check.rules])
    settings = settings_of(check)
    print_text(f"\nSettings, under [checks.{check.name}] in chataudit.toml" if settings else "\nNo settings.")
    for setting in settings:
        default = "not set" if setting.default is None else json.dumps(setting.default)
        print_text(f"  {setting.name} = {default}", 6)
        print_text(f"      {setting.help} {_range(setting)}".rstrip(), 6, style="dim")


def _summary(check: type[Check]) -> str:
    return (check.__doc__ or "").split("\n", 1)[0]


def _range(setting: Setting) -> str:
    """Return the range of a setting, and the option that sets it if the user does not."""
    source = {
        Wants.MEMORY: "default: half of --memory",
        Wants.LANGUAGE: "default: --lang",
        Wants.REFERENCES: "default: --references",
    }
    notes = [note for note in (setting.bounds, source.get(setting.wants, "") if setting.wants else "") if note]
    return f"({'; '.join(notes)})" if notes else ""


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="CHECK/RULE",
            help="Name of a check and one of its rules; see `chataudit checks NAME`.",
            show_default=False,
        ),
    ],
    plugin: Plugins = None,
    config: ConfigFile = None,
) -> None:
    """Explain a rule: severity, advice and an example."""
    with user_errors():
        use_plugins(plugin)
        configuration.load(config)  # may name plug-ins
        known = {r.id: r for check in registry.checks().values() for r in check.rules}
        if rule not in known:
            raise unknown("rule", rule, list(known), "chataudit checks NAME")
        found = known[rule]
        print_text(f"{found.id} ({SEVERITIES[found.severity]})\n{found.title}.\n{found.advice}")
        default, strict = (action.replace("_", " ") for action in (found.action, found.strict_action))
        print_text(f"Action of `chataudit clean`: {default}; with --policy strict: {strict}.")
        for title, data in (("Reported:", found.example.this), ("Not reported:", found.example.not_this)):
            print_text(f"\n{title}", style="bold")
            for line in data.lines():
                print_text(f"  {line}", 4 + len(line) - len(line.lstrip()))
