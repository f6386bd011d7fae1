"""The commands `checks` and `explain`: checks with their settings, rules with their advice."""

import json
from typing import Annotated

import typer

from ...checks.base.findings import SEVERITIES
from ...checks.base.settings import Setting, Wants, suggestion
from ...checks.base.settings import settings as settings_of
from ...reports.wording import visible
from .. import config as configuration
from .. import registry
from .terminal import ConfigFile, Plugins, out, print_hanging, telling, unknown, use


def checks(
    name: Annotated[str | None, typer.Argument(help="One check.", show_default=False)] = None,
    plugin: Plugins = None,
    config: ConfigFile = None,
) -> None:
    """List the checks, or the rules and settings of one."""
    with telling():
        use(plugin)
        configuration.load(config)  # which may name plug-ins
        known = registry.checks()
        if name is None:
            for check in known.values():
                out.print(f"{check.name}: {_about(check)}", markup=False)
            return
        if name not in known:
            raise LookupError(f"{name!r} is not a check. {suggestion(name, known)}")
        check = known[name]
        out.print(f"{check.name}: {_about(check)}\n\nRules", markup=False)
        for rule in check.rules:
            print_hanging(f"{SEVERITIES[rule.severity]:8} {rule.name}", rule.title)
        out.print(f"\nSettings, under [checks.{check.name}] in chataudit.toml", markup=False)
        for setting in settings_of(check):
            default = "not set" if setting.default is None else json.dumps(setting.default)
            print_hanging(f"{setting.name} = {default}", f"{setting.help} {_range(setting)}".strip())


def explain(
    rule: Annotated[str, typer.Argument(help="CHECK/RULE, as in the report.")],
    plugin: Plugins = None,
    config: ConfigFile = None,
) -> None:
    """Explain a rule: how bad it is, what to do about it, and what it looks like."""
    with telling():
        use(plugin)
        configuration.load(config)  # which may name plug-ins
        known = {r.id: r for check in registry.checks().values() for r in check.rules}
        if rule not in known:
            raise unknown("rule", rule, [name for name in known if rule in name], "chataudit checks NAME")
        found = known[rule]
        out.print(f"{found.id} ({SEVERITIES[found.severity]})\n{found.title}.\n{found.advice}", markup=False)
        out.print(f"chataudit clean: {found.action.replace('_', ' ')}, unless a policy says otherwise.", markup=False)
        for title, data in (("Reported:", found.example.this), ("Not reported:", found.example.not_this)):
            out.print(f"\n{title}", style="bold")
            for line in data.lines():
                print_hanging(" ", visible(line))


def _about(check: type) -> str:
    return (check.__doc__ or "").split("\n", 1)[0]


def _range(setting: Setting) -> str:
    """Return the range of a setting, and what sets it where the user does not."""
    source = {
        Wants.MEMORY: "default: half of --memory",
        Wants.LANGUAGE: "default: --lang",
        Wants.REFERENCES: "default: --references",
    }
    notes = [note for note in (setting.bounds, source.get(setting.wants, "") if setting.wants else "") if note]
    return f"({'; '.join(notes)})" if notes else ""
