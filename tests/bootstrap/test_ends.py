"""SIGTERM: `atexit` functions (hooks, here) run at once, wherever the process is."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.bootstrap.scripted import Scripted, event
from tests.bootstrap.starting import Ran, finish, run, start, write

if TYPE_CHECKING:
    from pathlib import Path

WAYS = pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("def", {}),
        ("async def", {}),
        ("def", {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}),
        ("async def", {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}),
        ("def", {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "BOOTJACK_CONCURRENCY_MODE": "processes"}),
    ],
    ids=["sync", "async", "threads", "tasks", "processes"],
)
HOOK = "import atexit, os, signal, sys\natexit.register(lambda: print('hook', flush=True))\n"


def ended(folder: Path, source: str, nexts: list[bytes], more: dict[str, str], *, inside: bool = False) -> Ran:
    """Run; send SIGTERM once every call of /next waits, or once the handler has opened the FIFO `inside`."""
    write(folder, source)
    most = int(more.get("AWS_LAMBDA_MAX_CONCURRENCY", "1"))
    os.mkfifo(folder / "inside")
    with Scripted(nexts) as server:
        process = start(folder, server, more=more)
        if inside:
            (folder / "inside").read_text()
        else:
            server.wait_for(lambda it: it.waiting == most)
        process.send_signal(signal.SIGTERM)
        return finish(process, server, folder)


@WAYS
def test_hooks_run_while_it_waits_for_the_first_event(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    ran = ended(tmp_path, HOOK + f"{kind} handler(event, context): return 1", [], more)
    assert ran.out == "hook\n" * (2 if "BOOTJACK_CONCURRENCY_MODE" in more else 1)
    assert (ran.code, ran.err) == (0, "")


@WAYS
def test_hooks_run_while_it_waits_for_another_event(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    ran = ended(tmp_path, HOOK + f"{kind} handler(event, context): return event", [event(b"1"), event(b"2")], more)
    assert ran.out == "hook\n" * (2 if "BOOTJACK_CONCURRENCY_MODE" in more else 1)
    assert (ran.code, ran.err, sorted(ran.documents)) == (0, "", [1, 2])


WORK = {
    "sync": "import time\ndef work():\n    for _ in range(6000): time.sleep(0.01)",
    "busy": "def work():\n    while True: pass",
    "caught": "import time\ndef work():\n    try:\n        for _ in range(6000): time.sleep(0.01)\n"
    "    except Exception: pass",
}


@pytest.mark.parametrize("work", WORK)
def test_hooks_run_while_a_handler_is_at_work(tmp_path: Path, work: str) -> None:
    source = f"{HOOK}{WORK[work]}\ndef handler(event, context):\n    open('inside', 'w').close()\n    work()"
    ran = ended(tmp_path, source, [event()], {}, inside=True)
    assert (ran.code, ran.out, ran.err, ran.posts) == (0, "hook\n", "", [])


@pytest.mark.parametrize("most", ["1", "2"])
def test_hooks_run_while_an_async_handler_is_at_work(tmp_path: Path, most: str) -> None:
    source = f"{HOOK}import asyncio\nasync def handler(event, context):\n"
    source += "    open('inside', 'w').close()\n    await asyncio.sleep(60)"
    ran = ended(tmp_path, source, [event()], {"AWS_LAMBDA_MAX_CONCURRENCY": most}, inside=True)
    assert (ran.code, ran.out, ran.err, ran.posts) == (0, "hook\n", "", [])


def test_hooks_run_in_the_middle_of_a_stream(tmp_path: Path) -> None:
    source = f"{HOOK}import time\ndef handler(event, context):\n    yield 'a'\n"
    source += "    open('inside', 'w').close()\n    for _ in range(6000): time.sleep(0.01)"
    ran = ended(tmp_path, source, [event()], {}, inside=True)
    assert (ran.code, ran.out, ran.err) == (0, "hook\n", "")


@WAYS
def test_a_signal_handler_of_the_function_is_kept(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    source = f"""
import os, signal
def end(number, frame):
    print("mine", flush=True)
    os._exit(9)
signal.signal(signal.SIGTERM, end)
{kind} handler(event, context): return event
"""
    if "BOOTJACK_CONCURRENCY_MODE" in more:
        source = source.replace("os._exit(9)", "os._exit(0)")
    ran = ended(tmp_path, source, [event(b"1")], more)
    processes = "BOOTJACK_CONCURRENCY_MODE" in more
    assert ran.out == "mine\n" * (2 if processes else 1)
    assert (ran.code, ran.documents) == (0 if processes else 9, [1])


def test_a_signal_handler_that_returns_does_not_end_the_process(tmp_path: Path) -> None:
    source = """
        import signal
        count = []
        signal.signal(signal.SIGUSR1, lambda number, frame: count.append(number))
        def handler(event, context): return len(count)
    """
    write(tmp_path, source)
    with Scripted([event()]) as server:
        process = start(tmp_path, server)
        server.wait_for(lambda it: it.waiting)
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGUSR1)
        server.give(event())
        server.wait_for(lambda it: len(it.posts) == 2)
        process.terminate()
        ran = finish(process, server, tmp_path)
    assert ran.documents[0] == 0
    assert ran.documents[1] in (1, 2)
    assert ran.code == 0


@pytest.mark.parametrize("inside", ["__del__", "except"])
def test_sigterm_is_not_lost_where_python_drops_exceptions(tmp_path: Path, inside: str) -> None:
    source = f"""
        {HOOK.replace(chr(10), chr(10) + "        ")}
        def end():
            signal.raise_signal(signal.SIGTERM)  # to this thread, so that it is handled here and not later
            for _ in range(1000): pass
        class Dying:
            def __del__(self): end()
        def handler(event, context):
            if {inside!r} == "__del__":
                Dying()
            else:
                try: end()
                except BaseException: pass
            return event
    """
    ran = run(tmp_path, source, [event(b"1"), event(b"2")], ends=True)
    assert (ran.code, ran.out, ran.documents) == (0, "hook\n", [1])


def test_a_second_sigterm_does_not_wait_for_hooks(tmp_path: Path) -> None:
    source = "import atexit, time\n"
    source += "@atexit.register\ndef hook():\n    open('inside', 'w').close()\n    time.sleep(60)\n"
    write(tmp_path, source + "def handler(event, context): pass")
    os.mkfifo(tmp_path / "inside")
    with Scripted([]) as server:
        process = start(tmp_path, server)
        server.wait_for(lambda it: it.waiting)
        process.terminate()
        (tmp_path / "inside").read_text()
        process.terminate()
        assert finish(process, server, tmp_path).code == -signal.SIGTERM
