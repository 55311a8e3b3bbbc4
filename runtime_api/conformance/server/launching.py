"""How a server is started for the kit: from a command line with placeholders.

    {bootstrap}    the program that the server has to run as its runtime; {handler} what may stand behind it
    {task}         a folder that holds it under the name `bootstrap`
    {opt}          a folder to be used as /opt; its `extensions` are the ones of the case
    {api_port}     where its Runtime API has to listen, {invoke_port} where it has to take invocations
    {timeout}      the function's timeout in seconds; AWS_LAMBDA_FUNCTION_TIMEOUT says the same

Words NAME=VALUE before the command are variables. Without {api_port} the kit learns the address from its bootstrap.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runtime_api.conformance.matching import filled
from runtime_api.conformance.verdicts import CannotRun

from .connection import NO_COPIES
from .processes import Puppet, ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .connection import Address

__all__ = ["HANDLER", "Given", "Process", "Server", "Start", "Template", "given_of", "read_template"]

HANDLER = "app.handler"
FUNCTION = "/2015-03-31/functions/function/invocations"
TIMEOUT_SECONDS = 300
READY_SECONDS = 20
FIRST_PORT, LAST_PORT = 10000, 32768
LOG_PIPE_BYTES = 1 << 20
DESCRIPTORS = 2048  # more than a function may have, so that a limit that is set shows
PUPPET = Path(__file__).with_name("puppet.py")


class Given(NamedTuple):
    """What a case asks of its server; a server without anything of it may serve one case after another."""

    env: tuple[tuple[str, str], ...] = ()
    timeout: int = TIMEOUT_SECONDS
    command: tuple[str, ...] | None = None  # in the place of {bootstrap} {handler}
    extensions: tuple[str, ...] = ()
    fresh: bool = False  # its runtime must never have been started


def given_of(table: Mapping[str, Any]) -> Given:
    """From a case; TypeError when it names what there is not."""
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
    """A server's command line, its placeholders not yet filled."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    invoke_path: str = FUNCTION

    def has(self, placeholder: str) -> bool:
        """Whether it uses a placeholder."""
        return any(f"{{{placeholder}}}" in word for word in [*self.words, *(value for _, value in self.variables)])


def read_template(text: str, invoke_path: str = FUNCTION) -> Template:
    """A template from a command line; CannotRun when it can not be one."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CannotRun(f"--server: {str(error).lower()}") from None
    variables = []
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables.append((name, value))
    template = Template(tuple(words), tuple(variables), invoke_path)
    if not words or not (template.has("bootstrap") or template.has("task")):
        raise CannotRun("--server: the command line has to have {bootstrap}, or {task}, the folder that holds it")
    if not template.has("invoke_port"):
        raise CannotRun("--server: the command line has to have {invoke_port}, where invocations are taken")
    if shutil.which(words[0]) is None:
        raise CannotRun(f"--server: there is no command {words[0]}")
    return template


class Process(NamedTuple):
    """A running server: its process group, a descriptor that becomes readable when it ends, and its output."""

    pid: int
    life: int
    output: int


class Start(Protocol):
    """Starts a command line as the leader of a process group, stdout and stderr together in a pipe."""

    def __call__(self, words: list[str], variables: dict[str, str], folder: Path) -> Process: ...


def _absolute(word: str) -> str:
    """A path of the caller's, said so that it holds in the folder where the server runs."""
    path = Path(word)
    return word if path.is_absolute() or not path.is_file() else str(path.absolute())


def start(words: list[str], variables: dict[str, str], folder: Path) -> Process:
    """The usual way."""
    reader, writer = os.pipe()
    words = [_absolute(shutil.which(words[0]) or words[0]), *map(_absolute, words[1:])]
    with NO_COPIES:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f'ulimit -n {DESCRIPTORS} 2>/dev/null; exec "$@"', "sh", *words],
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
        )
    os.close(writer)
    life = os.pidfd_open(process.pid)
    process.returncode = 0  # its end is seen, and the process reaped, by the pidfd
    return Process(process.pid, life, reader)


class Server:
    """One running server with the puppet as its runtime."""

    remote = False

    def __init__(self, template: Template, given: Given, begin: Start = start) -> None:
        self._ports = (Port(), Port())
        ports = [port.number for port in self._ports]
        self.invoke_address: Address = ("127.0.0.1", ports[0])
        self.invoke_path = template.invoke_path
        self._api: tuple[Address, str] | None = (("127.0.0.1", ports[1]), "") if template.has("api_port") else None
        self.folder = Path(tempfile.mkdtemp(prefix="conform-"))
        self.folder.chmod(0o755)  # a server may run its runtime as another user
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / "puppet"))
        (self.folder / "puppet").chmod(0o777)
        self._listener.listen()
        self._puppets: list[Puppet] = []
        self._log = b""
        self._seen = 0
        bootstrap = self._write_programs(given.extensions)
        names = {
            "bootstrap": str(bootstrap),
            "handler": HANDLER,
            "task": str(bootstrap.parent),
            "opt": str(self.folder / "opt"),
            "invoke_port": str(ports[0]),
            "api_port": str(ports[1]),
            "timeout": str(given.timeout),
        }
        variables = {
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(given.timeout),
            **filled(dict(template.variables), names),
            **dict(given.env),
        }
        self._process = begin(_words(template, given, names), variables, self.folder)
        os.set_blocking(self._process.output, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._process.output, fcntl.F_SETPIPE_SZ, LOG_PIPE_BYTES)

    def _write_programs(self, extensions: tuple[str, ...]) -> Path:
        """The puppet as an executable: the bootstrap, and each extension."""
        code = PUPPET.read_text().replace("{control}", str(self.folder / "puppet"))
        text = f"#!{sys.executable} -IS\n{code}"
        places = [self.folder / "task" / "bootstrap"]
        places += [self.folder / "opt" / "extensions" / name for name in extensions]
        (self.folder / "opt" / "extensions").mkdir(parents=True)
        for place in places:
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
            place.chmod(0o644 if place.name.startswith("broken") else 0o755)
        return places[0]

    @property
    def api(self) -> tuple[Address, str]:
        """The Runtime API's address, and what stands before its paths."""
        if self._api is None:
            puppet = self.puppet("bootstrap", READY_SECONDS)
            assert puppet is not None, "no bootstrap was started that could tell the address of its Runtime API"
            host, _, rest = str(puppet.api).partition(":")
            port, slash, prefix = rest.partition("/")
            self._api = ((host, int(port)), slash + prefix)
        return self._api

    def ready(self) -> Server:
        """Wait until it takes connections; CannotRun when it does not."""
        deadline = time.monotonic() + READY_SECONDS
        addresses = [self.invoke_address, *([self._api[0]] if self._api else [])]
        for address in addresses:
            self._wait_until_open(address, deadline)
        return self

    def _wait_until_open(self, address: Address, deadline: float) -> None:
        while True:
            try:
                socket.create_connection(address, timeout=1).close()
            except OSError:
                if not self._drain(0.01) or time.monotonic() > deadline:
                    raise CannotRun(f"the server does not listen on port {address[1]}:\n{self.log()}") from None
            else:
                return

    def puppet(self, name: str, timeout: float, *, new: bool = False) -> Puppet | None:
        """The process of that name: the one that lives, or the next one that is started."""
        deadline = time.monotonic() + timeout
        before = set() if not new else set(map(id, self._puppets))
        while True:
            for puppet in reversed(self._puppets):
                if puppet.name == name and id(puppet) not in before and (new or puppet.alive()):
                    return puppet
            if not select.select([self._listener], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            self._puppets.append(Puppet(self._listener.accept()[0]))

    def last_puppet(self, name: str) -> Puppet:
        """The process of that name that was started last, whether it lives or not."""
        return next(puppet for puppet in reversed(self._puppets) if puppet.name == name)

    def signal(self, name: str) -> None:
        """Send a signal to the server itself."""
        signal.pidfd_send_signal(self._process.life, signal.Signals[name])

    def ends(self, timeout: float) -> bool:
        """Whether the server itself ends."""
        return ended(self._process.life, timeout)

    def log(self) -> str:
        """What was written since the last `forget_log`."""
        self._drain(0)
        return self._log[self._seen :].decode(errors="replace")

    def forget_log(self) -> None:
        """Start a new stretch of log."""
        self._drain(0)
        self._seen = len(self._log)

    def log_until(self, enough: Any, timeout: float) -> str:
        """The log as soon as it is enough, or at the end of the time."""
        deadline = time.monotonic() + timeout
        while not enough(self.log()):
            left = deadline - time.monotonic()
            if left <= 0 or not self._drain(left):
                break
        return self.log()

    def _drain(self, timeout: float) -> bool:
        """Read what the server wrote, waiting for it at most so long; False at its end."""
        ready = select.select([self._process.output], [], [], timeout)[0]
        while ready:
            try:
                data = os.read(self._process.output, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                return False
            self._log += data
        return True

    def stop(self) -> None:
        """Kill the server and every process it started, and release everything."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        ended(self._process.life, 10)
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._process.life, os.WEXITED)
        os.close(self._process.life)
        os.close(self._process.output)
        self._listener.setblocking(False)
        with contextlib.suppress(BlockingIOError, OSError):
            while True:
                self._puppets.append(Puppet(self._listener.accept()[0]))
        for puppet in self._puppets:
            puppet.end()
        self._listener.close()
        for port in self._ports:
            port.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def _words(template: Template, given: Given, names: Mapping[str, str]) -> list[str]:
    if given.command is None:
        return list(filled(list(template.words), names))
    words: list[str] = []
    for word in template.words:
        words += given.command if word == "{bootstrap}" else [] if word == "{handler}" else [filled(word, names)]
    return words


class Port:
    """A port that nobody listens on, kept from every other kit on the machine until it is released.

    The reservation is an abstract socket's name: it ends with the process that made it. Ports are taken below those
    that clients get, so none of those takes one before the server listens on it.
    """

    _next = itertools.count(os.getpid() * 61)

    def __init__(self) -> None:
        for number in self._next:
            self.number = FIRST_PORT + number % (LAST_PORT - FIRST_PORT)
            self._reservation = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError):
                self._reservation.bind(f"\0bootjack-conform-{self.number}")
                socket.create_server(("127.0.0.1", self.number)).close()
                return
            self._reservation.close()

    def release(self) -> None:
        """It may be had again."""
        self._reservation.close()
