"""The group of verbs; a verb's module is imported only when it is called or asked for help."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

import click

from runtime_api import __version__

__all__ = ["Verbs", "bootjack"]

VERBS = {
    "invoke": "Run a function once on one event, and print its answer.",
    "serve": "Serve functions as Lambda does, to curl, SDKs and the aws CLI.",
    "rie": "Serve one function as aws-lambda-rie does.",
    "layer": "Build, check, merge and publish layers.",
    "conform": "Judge a bootstrap, or a Runtime API server, by what Lambda asks of it.",
}


class Verbs(click.Group):
    """Finds a verb in the module of its name."""

    verbs: ClassVar = VERBS
    prefix = ""  # of a module's name

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.verbs:
            return None
        command: click.Command = import_module(f"runtime_api.commands.{self.prefix}{name}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bootjack", message="%(prog)s %(version)s")
def bootjack() -> None:
    """Run, test and ship custom runtimes for AWS Lambda, without Docker."""
