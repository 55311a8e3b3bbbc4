"""The command `bootjack`; a verb's module is imported only when the verb is called or asked for help."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

import click

from runtime_api import __version__

from .verb import write_examples

__all__ = ["Verbs", "bootjack"]

VERBS = {
    "invoke": "Invoke a function once and print its response",
    "serve": "Serve functions over Lambda's Invoke API",
    "functions": "List, show and delete the functions of a running server",
    "events": "List the asynchronous invocations of a running server, and run failed ones again",
    "mappings": "List the event source mappings of a running server, with their backlogs and positions",
    "logs": "Print what a function of a running server has written",
    "rie": "Serve one function as aws-lambda-rie does",
    "layer": "Build, check, merge and publish layers",
    "conform": "Check a bootstrap or a Runtime API server against Lambda's contract",
    "init": "Write a working runtime into a new directory",
    "completion": "Make your shell complete command lines of bootjack",
}
EXAMPLES = (
    'bootjack invoke ./my-runtime -e \'{"name": "Zoë"}\'',
    "bootjack serve orders=./orders billing=./billing.zip --watch",
    "bootjack conform ./my-runtime",
)


class Verbs(click.Group):
    """A group whose verbs are modules, named as the verbs are."""

    verbs: ClassVar = VERBS
    prefix = ""  # of a module's name
    examples: tuple[str, ...] = ()

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.verbs:
            return None
        command: click.Command = import_module(f"runtime_api.commands.{self.prefix}{name}").command
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs first: they are what a reader looks for."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))
        click.Command.format_options(self, ctx, formatter)
        write_examples(formatter, self.examples)
        formatter.write_paragraph()
        formatter.write_text(f"Run '{ctx.command_path} COMMAND --help' for the options of a command.")


class Bootjack(Verbs):
    """The group of all verbs."""

    examples = EXAMPLES


@click.group(cls=Bootjack, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bootjack", message="%(prog)s %(version)s")
def bootjack() -> None:
    """Run, test and ship custom runtimes for AWS Lambda, without Docker."""
