"""The command line that starts a server for the kit: a template with placeholders.

    {bootstrap}    the program that the server runs as its runtime; {handler} is an argument for it
    {task}         a folder that contains the same program under the name `bootstrap`
    {opt}          a folder to use as /opt; its `extensions` folder holds the extensions of the case
    {api_port}     the port of the Runtime API
    {invoke_port}  the port that takes invocations
    {timeout}      the function's timeout in seconds, which is also in AWS_LAMBDA_FUNCTION_TIMEOUT
    {name}         the function's name, which is also in AWS_LAMBDA_FUNCTION_NAME
    {memory}       its memory size in MB, which is also in AWS_LAMBDA_FUNCTION_MEMORY_SIZE

NAME=VALUE words before the command are environment variables. A server that runs a command ({bootstrap}) takes its
settings from those variables, as RIE does; any other one is told only what its command line says. Without {api_port},
the kit takes the address of the Runtime API from the AWS_LAMBDA_RUNTIME_API of the process that the server starts.
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

    from runtime_api.conformance.cases import Case

__all__ = ["FUNCTION", "PLACEHOLDERS", "TIMEOUT_S", "TOLD", "Given", "Template", "given_of", "read_template"]

FUNCTION = "/2015-03-31/functions/function/invocations"
TIMEOUT_S = 300
PLACEHOLDERS = ("bootstrap", "handler", "task", "opt", "api_port", "invoke_port", "timeout", "name", "memory")
TOLD = {"handler": "app.handler", "name": "test_function", "memory": "3008"}  # the same for every case
IN_VARIABLES = ("timeout", "name", "memory")
# What a server cannot be told, or does not have, without a placeholder.
MEANINGS = {
    "bootstrap": "a command to run, by a server that takes its settings from environment variables",
    "handler": "the handler's name",
    "opt": "a folder that the server uses as /opt",
    "api_port": "the port of the one Runtime API, and so of one execution environment",
    "timeout": "the function's timeout in seconds",
    "name": "the function's name",
    "memory": "the function's memory size in MB",
}


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

    def why_not(self, case: Case) -> str | None:
        """Why a case cannot be judged with this template; None when it can."""
        given = given_of(case.given)
        needs = [
            *(["opt"] if given.extensions else []),
            *(["bootstrap"] if given.command is not None else []),
            *(["timeout"] if given.timeout != TIMEOUT_S else []),
            *case.needs,
        ]
        lacking = next((name for name in needs if not self._tells(name)), None)
        return lacking and f"needs {{{lacking}}} in the template: {MEANINGS[lacking]}"

    def _tells(self, name: str) -> bool:
        return self.has(name) or (name in IN_VARIABLES and self.has("bootstrap"))

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
