"""A server that is killed takes everything it has started with it, in plain processes and in bubblewrap."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from runtime_api.sandbox.processes.memory import tree
from tests.e2e.inside import exists, state, until
from tests.e2e.ordinary import ordinary_user
from tests.e2e.orphans import children
from tests.e2e.running import PYTHON, Rie, Serve, bare_environment, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

# Leaves a child, one in a session of its own, and one that has neither parent nor variables; says which, and hangs.
BOOTSTRAP = f"""#!{PYTHON} -IS
import os, signal, subprocess, sys, urllib.request
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
urllib.request.urlopen("http://" + api + "/2018-06-01/runtime/invocation/next").read()
sleep = ["/bin/sleep", "600"]
left = [subprocess.Popen(sleep).pid, subprocess.Popen(sleep, start_new_session=True).pid]
orphan = "import os, sys\\nif os.fork(): os._exit(0)\\nos.setsid()\\nprint(os.getpid(), flush=True)\\n"
orphan += "os.dup2(os.open('/dev/null', os.O_WRONLY), 1)\\nos.execve('/bin/sleep', ['sleep', '600'], {{}})"
with subprocess.Popen([sys.executable, "-IS", "-c", orphan], stdout=subprocess.PIPE) as process:
    left.append(int(process.stdout.readline()))
print("left", os.getpid(), *left, "end", flush=True)
while True:
    signal.pause()
"""
LIBRARY = """
import asyncio, sys
from pathlib import Path
from bootjack import LocalFunction, LocalLambda

async def main():
    async with LocalLambda(2) as local:
        local.add_function(LocalFunction.at(Path(sys.argv[1]), name="f", timeout_s=600))
        await local.invoke("f")

asyncio.run(main())
"""
LEFT = r"left ([\d ]+) end"


class Running(NamedTuple):
    """A command that runs the function, and a way to wait for what it logs."""

    process: subprocess.Popen[bytes]
    wait_for: Callable[[str], re.Match[str]]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    bootstrap = tmp_path / "code" / "bootstrap"
    bootstrap.parent.mkdir()
    bootstrap.write_text(BOOTSTRAP)
    bootstrap.chmod(0o755)
    return bootstrap.parent


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that nothing may end."""
    with subprocess.Popen(["/bin/sleep", "600"], start_new_session=True) as process:
        yield process
        assert process.poll() is None
        process.kill()


@contextlib.contextmanager
def serving(code: Path) -> Iterator[Running]:
    with Serve("--sandbox", "process", "-t", "600", code) as server:
        asking = threading.Thread(target=_ask, args=(server,))
        asking.start()
        yield Running(server.process, server.wait_for)
        asking.join()


@contextlib.contextmanager
def emulating(code: Path) -> Iterator[Running]:
    env = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "600"}
    with Rie(str(code / "bootstrap"), env=env) as server:
        asking = threading.Thread(target=_ask, args=(server,))
        asking.start()
        yield Running(server.process, server.wait_for)
        asking.join()


def _ask(server: Serve | Rie) -> None:
    with contextlib.suppress(OSError):
        server.invoke()


@contextlib.contextmanager
def invoking(code: Path) -> Iterator[Running]:
    with started(start("invoke", "--sandbox", "process", "-t", "600", code)) as running:
        yield running


@contextlib.contextmanager
def in_a_library(code: Path) -> Iterator[Running]:
    command = [PYTHON, "-c", LIBRARY, str(code)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=bare_environment(), start_new_session=True
    )
    with started(process) as running:
        yield running


@contextlib.contextmanager
def started(process: subprocess.Popen[bytes]) -> Iterator[Running]:
    assert process.stderr is not None
    stderr = process.stderr

    def wait_for(pattern: str) -> re.Match[str]:
        log = b""
        while (found := re.search(pattern, log.decode())) is None:
            line = stderr.readline()
            assert line, log
            log += line
        return found

    try:
        yield Running(process, wait_for)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("way", [serving, emulating, invoking, in_a_library])
def test_no_plain_process_outlives_the_command_that_started_it(
    code: Path, way: Callable[[Path], contextlib.AbstractContextManager[Running]], bystander: object
) -> None:
    with way(code) as running:
        left = [int(pid) for pid in running.wait_for(LEFT)[1].split()]
        assert len(left) == 4
        assert all(exists(pid) for pid in left)
        everything = {*left, *tree(running.process.pid)}  # the guardian, too
        running.process.kill()
        until(lambda: not any(exists(pid) for pid in everything), "all of them end")


def test_what_a_server_leaves_behind_ends_with_a_killed_group(code: Path) -> None:
    """As when a terminal's whole job is killed: the guardian is in a session of its own."""
    with serving(code) as running:
        running.wait_for(LEFT)
        everything = tree(running.process.pid)
        os.killpg(running.process.pid, signal.SIGKILL)
        until(lambda: not any(exists(pid) for pid in everything), "all of them end")


def test_a_server_ends_without_its_guardian(code: Path) -> None:
    """Somebody ends the guardian; the server notices nothing, and leaves nothing behind in good order."""
    with serving(code) as running:
        left = [int(pid) for pid in running.wait_for(LEFT)[1].split()]
        (guardian,) = (pid for pid in tree(running.process.pid) if _is_guardian(pid))
        os.kill(guardian, signal.SIGKILL)
        until(lambda: not exists(guardian), "the guardian ends")
        running.process.send_signal(signal.SIGTERM)
        until(lambda: not any(exists(pid) for pid in left), "all of them end")


def _is_guardian(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"left_behind.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


# -- in bubblewrap: the kernel ends what is inside a sandbox with its first process

ENVIRONMENTS = 20
SERVE = ("--sandbox", "bubblewrap", "--concurrency", str(ENVIRONMENTS), "-m", "512", "-t", "60")
HANDLER = """
import os, subprocess, sys, time
ORPHAN = "import os, time\\nif os.fork(): os._exit(0)\\nos.setsid()\\ntime.sleep(600)"
def handler(event, context):
    subprocess.run([sys.executable, "-IS", "-c", ORPHAN], check=True)
    while event == "busy":
        time.sleep(0.1)
    time.sleep(event)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of a user's own, below folders that every user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="bootjack-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        (folder / "home").mkdir()
        yield folder / "home"
    finally:
        shutil.rmtree(folder)


@pytest.mark.bubblewrap
@pytest.mark.parametrize("ordinary", [False, True], ids=["root", "ordinary user"])
def test_no_sandbox_outlives_a_killed_server(home: Path, ordinary: bool) -> None:
    """Twenty environments: many are frozen, many are busy, and each has a process without a parent."""
    (home / "app.py").write_text(HANDLER)
    options: dict[str, object] = {}
    if ordinary:
        user = ordinary_user(home)
        options = {"command": user.command, "env": user.environment}
    before = children()
    with Serve(*SERVE, "app.handler", cwd=home, shown=False, **options) as server:
        ask_all(server, [b"1"] * (ENVIRONMENTS // 2) + [b'"busy"'] * (ENVIRONMENTS // 2))
        # bwrap, the supervisor, the runtime and its orphan; an environment that is idle early is used again.
        until(lambda: len(tree(server.process.pid)) > 3 * ENVIRONMENTS, "they have started")
        until(lambda: len(frozen(server)) >= ENVIRONMENTS // 2, "idle ones are frozen")
        everything = tree(server.process.pid)
        server.process.kill()
        until(lambda: not any(exists(pid) for pid in everything), "all of them end")
        until(lambda: not children() - before, "those end, too, that were just being started")


def ask_all(server: Serve, payloads: Sequence[bytes]) -> None:
    """Ask for all of them at once; nobody waits for the answers."""
    for payload in payloads:
        threading.Thread(target=_ask_for, args=(server, payload), daemon=True).start()


def _ask_for(server: Serve, payload: bytes) -> None:
    with contextlib.suppress(OSError):
        server.invoke(payload)


def frozen(server: Serve) -> list[int]:
    return [pid for pid in tree(server.process.pid) if state(pid) == "T"]
