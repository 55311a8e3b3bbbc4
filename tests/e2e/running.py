"""Run the installed `bootjack` as users do: a command until it exits, or a server on a free port."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from tests.sandboxes import shown_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

__all__ = [
    "BOOTJACK",
    "PYTHON",
    "RAW",
    "RUNTIMES",
    "Ended",
    "Reply",
    "Rie",
    "Serve",
    "abandon",
    "bare_environment",
    "bootjack",
    "by_shell",
    "end",
    "start",
]

PYTHON = sys.executable
BOOTJACK = str(Path(sys.executable).with_name("bootjack"))
RUNTIMES = Path(__file__).with_name("runtimes")
RAW = (PYTHON, "-I", "-S", str(RUNTIMES / "raw.py"))
SECONDS = 30.0  # the bound of every wait
_started: list[subprocess.Popen[bytes]] = []
_ANY_PORTS = ("--runtime-interface-emulator-address", "127.0.0.1:0", "--runtime-api-address", "127.0.0.1:0")


class Ended(NamedTuple):
    """A command that has exited."""

    code: int
    out: bytes
    err: str

    @property
    def message(self) -> str:
        """click's error message without the usage line."""
        return self.err.partition("Error: ")[2].strip()


class Reply(NamedTuple):
    """An HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def bare_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without what affects Python, functions or AWS clients, plus `extra`."""
    changing = ("AWS_", "LAMBDA_", "PYTHON", "_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(changing)}
    return {**kept, **(extra or {})}


def start(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = (BOOTJACK,),
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start `bootjack` in a process group of its own; its output goes to pipes by default."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    process = subprocess.Popen(
        [*command, *map(str, arguments)], env=bare_environment(env), start_new_session=True, **options
    )
    _started.append(process)
    return process


def abandon() -> None:
    """Kill commands that a failing test has not waited for."""
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def end(process: subprocess.Popen[bytes], given: bytes | None = None, seconds: float = SECONDS) -> Ended:
    """Wait until a command from `start` exits, and collect its output."""
    try:
        out, err = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(
            f"{process.args!r} did not exit within {seconds} s:\n{(err or b'').decode(errors='replace')}"
        ) from None
    return Ended(process.returncode, out or b"", (err or b"").decode(errors="replace"))


def bootjack(*arguments: str | Path, given: bytes | None = None, seconds: float = SECONDS, **options: Any) -> Ended:
    """Run `bootjack` until it exits; `given` is its standard input."""
    if given is not None:
        options["stdin"] = subprocess.PIPE
    return end(start(*arguments, **options), given, seconds)


def by_shell(script: str, *arguments: str | Path, seconds: float = SECONDS, **options: Any) -> Ended:
    """Run a shell script in which "$@" stands for `bootjack` with these arguments."""
    command = ["/bin/sh", "-c", script, "sh", BOOTJACK, *map(str, arguments)]
    run = subprocess.run(
        command, env=bare_environment(), capture_output=True, timeout=seconds, check=False, **options
    )
    return Ended(run.returncode, run.stdout, run.stderr.decode(errors="replace"))


class Server:
    """A running bootjack server, ready once a line of its output says so; a context manager stops it."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes], ready: str | None, port: int = 0) -> None:
        """`ready` is a pattern that finds the port in the output; without it the server listens on `port`."""
        self.process = process
        _started.remove(process)  # a server may outlive one test: its context manager stops it
        self._output = output
        self._log = ""
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.port = port if ready is None else int(self.wait_for(ready)[1])
            self._wait_for_connections()
        except AssertionError:
            self.process.kill()
            self._end()
            raise
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def invoke_url(self, name: str = "function") -> str:
        """Return the URL of Invoke."""
        return self.url + self.path(name)

    def path(self, name: str = "function") -> str:
        """Return the path of Invoke."""
        return f"/2015-03-31/functions/{name}/invocations"

    def connection(self) -> contextlib.closing[http.client.HTTPConnection]:
        """Open a connection to the public port."""
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS))

    def invoke(self, payload: bytes = b"{}", name: str = "function", **headers: str) -> Reply:
        """Invoke the function on a new connection; header names have _ in place of -."""
        named = {header.replace("_", "-"): value for header, value in headers.items()}
        with self.connection() as connection:
            connection.request("POST", self.path(name), payload, named)
            response = connection.getresponse()
            found = {header.lower(): value for header, value in response.getheaders()}
            return Reply(response.status, found, response.read())

    def log(self) -> str:
        """Return the output so far."""
        with self._news:
            return self._log

    def wait_for(self, pattern: str, seconds: float = SECONDS, times: int = 1) -> re.Match[str]:
        """Wait until the log matches this many times, and return the last match."""
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                found = list(itertools.islice(re.finditer(pattern, self._log), times))
                if len(found) == times:
                    return found[-1]
                left = deadline - time.monotonic()
                assert left > 0, f"no {pattern!r} in the log:\n{self._log}"
                assert self._reader.is_alive(), f"ended without {pattern!r} in the log:\n{self._log}"
                self._news.wait(min(left, 0.5))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal unless the server has exited already, wait for the exit, and return its code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self._end()

    def ended(self) -> int:
        """Wait until the server exits, and return the exit code."""
        return self._end()

    def _wait_for_connections(self) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, f"nothing listens on {self.port}:\n{self._log}"
                assert self.process.poll() is None, f"ended:\n{self._log}"
                time.sleep(0.005)
            else:
                return

    def _end(self) -> int:
        try:
            code = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.process.args!r} did not exit within {SECONDS} s:\n{self.log()}") from None
        finally:
            self._reader.join(SECONDS)
            self._output.close()
        return code

    def _read(self) -> None:
        while chunk := self._output.read(65_536):
            with self._news:
                self._log += chunk.decode(errors="replace")
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


class Rie(Server):
    """A running `bootjack rie` on free ports."""

    def __init__(
        self,
        *command: str,
        flags: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready: str | None = r"bootjack: invoke at http://127\.0\.0\.1:(\d+)/",
        port: int = 0,
    ) -> None:
        process = start("rie", *_ANY_PORTS, *flags, *command, env=env, cwd=cwd, stdout=subprocess.DEVNULL, bufsize=0)
        assert process.stderr is not None
        super().__init__(process, process.stderr, ready, port)


class Serve(Server):
    """A running `bootjack serve` on a free port; its log is its stdout and stderr."""

    def __init__(self, *arguments: str | Path, shown: bool = True, **options: Any) -> None:
        """`options` go to `start`; `shown`: mount the folder that tests share with functions."""
        mount = ("--mount", shown_folder()) if shown else ()
        process = start("serve", "--port", "0", *mount, *arguments, stderr=subprocess.STDOUT, bufsize=0, **options)
        assert process.stdout is not None
        super().__init__(process, process.stdout, r"bootjack: serving .* at http://127\.0\.0\.1:(\d+)\n")
