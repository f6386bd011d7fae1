"""The help of a command: arguments and options by their metavars, without types of Python."""

from typing import Any

from typer.core import TyperArgument, TyperCommand


class Command(TyperCommand):
    """A command whose help names arguments as its usage does: DIR is required, [SOURCE]... is not."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [self.options_metavar or "", *map(_usage, self._arguments(ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        arguments = [(_name(each), each.help or "") for each in self._arguments(ctx)]
        options = [each.get_help_record(ctx) for each in self.get_params(ctx) if each.param_type_name == "option"]
        # typer separates what it adds, such as [required], by two spaces.
        shown = [(names, words.replace("  [", " [")) for names, words in filter(None, options)]
        for title, rows in (("Arguments", arguments), ("Options", shown)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _arguments(self, ctx: Any) -> list[TyperArgument]:
        return [each for each in self.get_params(ctx) if isinstance(each, TyperArgument) and not each.hidden]


def _name(argument: TyperArgument) -> str:
    return f"{argument.metavar or argument.name}{'...' * (argument.nargs != 1)}"


def _usage(argument: TyperArgument) -> str:
    name = argument.metavar or str(argument.name)
    return f"{name if argument.required else f'[{name}]'}{'...' * (argument.nargs != 1)}"
