"""The reference page of the options, written from the commands themselves: `python -m alonzo.cli.reference > docs/configuration.md`."""

from collections.abc import Iterator

import click

from alonzo.cli.main import alonzo

_INTRODUCTION = """\
# Configuration

<!-- Written by `make docs` from the options of the commands; change them there. -->

Everything is an option of a command or the environment variable beside it; there is no configuration file.
Options win over variables.
"""


def render_reference() -> str:
    """All commands and their options in Markdown."""
    return "\n".join([_INTRODUCTION, *_iter_group_lines(alonzo, "alonzo")])


def _iter_group_lines(group: click.Group, path: str) -> Iterator[str]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from _iter_group_lines(command, f"{path} {command.name}")
        else:
            yield from _iter_command_lines(command, path)


def _iter_command_lines(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=command.name)
    arguments = [str(parameter.name).upper() for parameter in command.params if isinstance(parameter, click.Argument)]
    yield f"## `{' '.join([path, str(command.name), *arguments])}`\n"
    yield f"{command.get_short_help_str()}\n"
    yield "| option | variable | default | |"
    yield "|---|---|---|---|"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield _option_row(parameter, context)
    yield ""


def _option_row(option: click.Option, context: click.Context) -> str:
    name = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if not option.is_flag:
        name += f" {option.make_metavar(context)}"
    variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
    default = option.show_default if isinstance(option.show_default, str) else f"`{_default_of(option)}`" if option.show_default else ""
    cells = (name, ", ".join(f"`{variable}`" for variable in variables), default, option.help or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default_of(option: click.Option) -> object:
    """Of a pair of flags, the one that holds."""
    if option.is_flag and option.secondary_opts:
        return (option.opts if option.default else option.secondary_opts)[0]
    return option.default


if __name__ == "__main__":
    click.echo(render_reference(), nl=False)
