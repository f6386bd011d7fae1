"""Generated pages: what each check reports, its settings and its rules, and the table of checks in the README.

python -m docs.build            write them
python -m docs.build --check    exit with 1 where a page differs from what would be written
"""

import json
import sys
from pathlib import Path

from chataudit.audit.registry import checks
from chataudit.checks.base.check import Check
from chataudit.checks.base.examples import Data
from chataudit.checks.base.findings import SEVERITIES, Action, Rule
from chataudit.checks.base.settings import Setting, settings

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "docs" / "rules"
README = ROOT / "README.md"
BEGIN, END = "<!-- checks -->", "<!-- /checks -->"

_ACTIONS = {
    Action.KEEP: "keeps the message",
    Action.DROP_MESSAGE: "drops the message and the replies to it",
    Action.DROP_SUBTREE: "drops the message and everything below it",
    Action.DROP_TREE: "drops the whole tree",
    Action.DROP_RECORD: "leaves the record out",
    Action.KEEP_BEST: "keeps the best copy",
    Action.FIX_LANGUAGE: "sets the language tag",
}


def pages() -> dict[Path, str]:
    """Return the content of every generated file."""
    found = {RULES / f"{name}.md": _page(check) for name, check in checks().items()}
    readme = README.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return found | {README: f"{before}{BEGIN}\n{_table()}{END}{after}"}


def _table() -> str:
    rows = [f"| [`{name}`](docs/rules/{name}.md) | {_about(check)} |" for name, check in checks().items()]
    return "\n".join(["", "| check | what it does |", "| --- | --- |", *rows, "", ""])


def _about(check: type[Check]) -> str:
    return (check.__doc__ or "").split("\n", 1)[0]


def _page(check: type[Check]) -> str:
    method = check.measurement
    parts = [
        f"# {check.name}",
        "This page is generated from the check itself by `python -m docs.build`.",
        _about(check),
        "| rule | severity | reports |\n| --- | --- | --- |\n"
        + "\n".join(
            f"| [`{rule.name}`](#{rule.name}) | {SEVERITIES[rule.severity]} | {_cell(rule.title)} |"
            for rule in check.rules
        ),
        "## How it works",
        "\n".join(f"- {step}" for step in method.how),
        "## Blind spots",
        "\n".join(f"- {blind}" for blind in method.blind),
        "## How often it is right",
        "\n".join(f"- {figure}" for figure in (method.sure, *method.measured) if figure),
        "## Settings",
        f"In `chataudit.toml`, under `[checks.{check.name}]`:",
        "| setting | default | range | |\n| --- | --- | --- | --- |\n" + "\n".join(map(_setting, settings(check))),
        "## Rules",
        *map(_rule, check.rules),
        "## Sources",
        "\n".join(f"- {source}" for source in method.sources),
    ]
    return "\n\n".join(parts) + "\n"


def _setting(setting: Setting) -> str:
    default = "" if setting.default is None else f"`{json.dumps(setting.default)}`"
    return f"| `{setting.name}` | {default} | {_cell(setting.bounds)} | {_cell(setting.help)} |"


def _rule(rule: Rule) -> str:
    title = f"### {rule.name}\n\n{rule.title} ({SEVERITIES[rule.severity]}). {rule.advice}"
    action = f"By default, `chataudit clean` {_ACTIONS[rule.action]}."
    reported, spared = _shown(rule.example.this), _shown(rule.example.not_this)
    return f"{title}\n\n{action}\n\nReported:\n\n{reported}\n\nNot reported:\n\n{spared}"


def _shown(data: Data) -> str:
    return "\n".join(["```text", *data.lines(), "```"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` compare them; return the exit code."""
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    known = set(pages())
    stale += [path for path in RULES.glob("*.md") if path not in known]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)}: not as generated. Run: python -m docs.build")
        return 1 if stale else 0
    RULES.mkdir(exist_ok=True)
    for path in stale:
        if path in known:
            path.write_text(pages()[path], encoding="utf-8")
        else:
            path.unlink()
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
