"""The command line that starts a server for the kit: a template with placeholders.

    {bootstrap}    the program that the server runs as its runtime; {handler} is an argument for it
    {task}         a folder that contains the same program under the name `bootstrap`
    {opt}          a folder to use as /opt; its `extensions` folder holds the extensions of the case
    {api_port}     the port of the Runtime API
    {invoke_port}  the port that takes invocations
    {timeout}      the function's timeout in seconds, which is also in AWS_LAMBDA_FUNCTION_TIMEOUT

NAME=VALUE words before the command are environment variables. Without {api_port}, the kit takes the address of the
Runtime API from the AWS_LAMBDA_RUNTIME_API of the bootstrap that the server starts.
"""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.conformance.matching import filled
from runtime_api.conformance.verdicts import CannotRun

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FUNCTION", "HANDLER", "PLACEHOLDERS", "TIMEOUT_S", "Given", "Template", "given_of", "read_template"]

HANDLER = "app.handler"
FUNCTION = "/2015-03-31/functions/function/invocations"
TIMEOUT_S = 300
PLACEHOLDERS = ("bootstrap", "handler", "task", "opt", "api_port", "invoke_port", "timeout")


class Given(NamedTuple):
    """What a case requires of its server; cases with equal values can share one server, one after another."""

    env: tuple[tuple[str, str], ...] = ()
    timeout: int = TIMEOUT_S
    command: tuple[str, ...] | None = None  # replaces {bootstrap} {handler}
    extensions: tuple[str, ...] = ()
    fresh: bool = False  # no runtime has been started yet


def given_of(table: Mapping[str, Any]) -> Given:
    """What a case's `given` says; TypeError for an unknown key."""
    values = dict(table)
    command = values.get("command")
    return Given(
        **{
            **values,
            "env": tuple(sorted(values.get("env", {}).items())),
            "command": None if command is None else tuple(command),
            "extensions": tuple(values.get("extensions", ())),
        }
    )


class Template(NamedTuple):
    """A server's command line with its placeholders still in it."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    invoke_path: str = FUNCTION

    def has(self, placeholder: str) -> bool:
        """Whether the template contains a placeholder."""
        return placeholder in self._names()

    def unknown(self) -> list[str]:
        """Names in braces that are not placeholders; a server may mean them, but a typing error is more likely."""
        return [name for name in self._names() if name not in PLACEHOLDERS]

    def command(self, given: Given, names: Mapping[str, str]) -> list[str]:
        """The command line for one case."""
        if given.command is None:
            return list(filled(list(self.words), names))
        words: list[str] = []
        for word in self.words:
            words += given.command if word == "{bootstrap}" else [] if word == "{handler}" else [filled(word, names)]
        return words

    def _names(self) -> list[str]:
        texts = [*self.words, *(value for _, value in self.variables)]
        return list(dict.fromkeys(name for text in texts for name in re.findall(r"\{(\w+)\}", text)))


def read_template(text: str, invoke_path: str = FUNCTION) -> Template:
    """The template in a command line; CannotRun when a server cannot be started with it."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CannotRun(f"--server: the command line cannot be read: {str(error).lower()}") from None
    variables = []
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables.append((name, value))
    template = Template(tuple(words), tuple(variables), invoke_path)
    if not words or not (template.has("bootstrap") or template.has("task")):
        raise CannotRun(
            "--server: put {bootstrap}, the program to run as the runtime, into the command line, "
            "or {task}, the folder that contains it"
        )
    if not template.has("invoke_port"):
        raise CannotRun("--server: put {invoke_port}, the port that takes invocations, into the command line")
    if shutil.which(words[0]) is None:
        raise CannotRun(f"--server: command not found: {words[0]}")
    return template
