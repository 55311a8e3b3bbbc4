"""A verb of the command line: its help page, and the command that may stand behind `--`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .option_groups import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXIT_CODES", "Verb", "command_behind_dashes", "write_examples"]

COMMAND = "command behind dashes"
TERM_WIDTH = 24  # columns of a help page for an option; a longer one takes a line of its own

EXIT_CODES = (
    ("0", "The function succeeded."),
    ("1", "The function failed; stdout has the error document, or stderr if the response had begun to stream."),
    ("2", "The command or the event is wrong, or the function cannot be run here."),
)


class Verb(click.Command):
    """A command with a help page in sections.

    `takes_command`: whatever stands behind `--` is a command line of its own, set aside before the rest is parsed, so
    that the verb's own arguments can be optional.
    """

    def __init__(
        self,
        *args: Any,
        usage: str = "",
        takes_command: bool = False,
        arguments: Sequence[tuple[str, str]] = (),
        variables: Sequence[tuple[str, str]] = (),
        exit_codes: Sequence[tuple[str, str]] = (),
        examples: Sequence[str] = (),
        **rest: Any,
    ) -> None:
        super().__init__(*args, **rest)
        self._usage = usage
        self._takes_command = takes_command
        self._arguments = arguments
        self._variables = variables
        self._exit_codes = exit_codes
        self._examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not self._takes_command:
            return super().parse_args(ctx, args)
        own = args[: args.index("--")] if "--" in args else args
        ctx.meta[COMMAND] = tuple(args[len(own) + 1 :])
        if len(own) < len(args) and not ctx.meta[COMMAND]:
            raise click.UsageError("no COMMAND after --", ctx)
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", self._usage] if self._usage else super().collect_usage_pieces(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all sections of the help page that say what can be given, and how it ends."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": list(self._arguments), OPTIONS: []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                sections.setdefault(getattr(param, "heading", OPTIONS), []).append(record)
        sections["Environment variables"] = list(self._variables)
        sections["Exit codes"] = list(self._exit_codes)
        for heading, rows in sections.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(_aligned(rows), col_max=TERM_WIDTH)
        write_examples(formatter, self._examples)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """Write example command lines, which are never wrapped."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}".rstrip() + "\n")


def _aligned(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Make the first column as wide as that of every other section."""
    (term, text), *others = rows
    return [(term.ljust(TERM_WIDTH), text), *others]


def command_behind_dashes() -> tuple[str, ...]:
    """The command behind `--` of the verb that runs; empty when there is none."""
    command: tuple[str, ...] = click.get_current_context().meta[COMMAND]
    return command
