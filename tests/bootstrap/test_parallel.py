"""AWS_LAMBDA_MAX_CONCURRENCY: several invocations at once in one environment, each isolated from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bootstrap.scripted import event
from tests.bootstrap.starting import AS_MODULE, run

if TYPE_CHECKING:
    from pathlib import Path

MANY = 16

# A barrier: no invocation ends before all have begun.
TASKS = """
    import asyncio
    from bootjack_bootstrap import current_context
    import contextvars
    own = contextvars.ContextVar("own", default=None)
    begun, everyone = [], asyncio.Event()
    async def handler(event, context):
        before, _ = own.get(), own.set(event)
        begun.append(event)
        if len(begun) == 16:
            everyone.set()
        await everyone.wait()
        inner = await asyncio.create_task(look())
        return [before, own.get(), inner, current_context() is context, context.trace_id]
    async def look():
        await asyncio.sleep(0)
        return current_context().aws_request_id
"""
THREADS = """
    import threading, contextvars, os
    from bootjack_bootstrap import current_context
    own = contextvars.ContextVar("own", default=None)
    barrier = threading.Barrier(16)
    def handler(event, context):
        before, _ = own.get(), own.set(event)
        barrier.wait(20)
        return [before, own.get(), current_context().aws_request_id, current_context() is context, context.trace_id]
"""


@pytest.mark.parametrize("source", [TASKS, THREADS], ids=["tasks", "threads"])
def test_invocations_at_once_do_not_mix(tmp_path: Path, source: str) -> None:
    nexts = [event(b"%d" % number, f"id-{number}", Lambda_Runtime_Trace_Id=f"t{number}") for number in range(MANY)]
    ran = run(tmp_path, source, nexts, AWS_LAMBDA_MAX_CONCURRENCY=str(MANY))
    results = {one.path.split("/")[4]: document for one, document in zip(ran.posts, ran.documents, strict=True)}
    assert results == {f"id-{number}": [None, number, f"id-{number}", True, f"t{number}"] for number in range(MANY)}
    assert (ran.connections, ran.code, ran.out, ran.err) == (MANY, 0, "", "")


def test_processes(tmp_path: Path) -> None:
    """Each process imports the module itself and sets the trace variable."""
    source = """
        import os, time
        count = [0]
        def handler(event, context):
            open(f"here-{os.getpid()}", "w").close()
            until = time.monotonic() + 20
            while len([name for name in os.listdir() if name.startswith("here-")]) < 3 and time.monotonic() < until:
                time.sleep(0.005)
            count[0] += 1
            return [os.getpid(), count[0], os.environ["_X_AMZN_TRACE_ID"]]
    """
    nexts = [event(b"1", f"id-{number}", Lambda_Runtime_Trace_Id=f"t-{number}") for number in range(3)]
    ran = run(tmp_path, source, nexts, AWS_LAMBDA_MAX_CONCURRENCY="3", BOOTJACK_CONCURRENCY_MODE="processes")
    assert len({pid for pid, _, _ in ran.documents}) == 3
    assert {count for _, count, _ in ran.documents} == {1}
    assert [trace for _, _, trace in ran.documents] == [f"t-{one.path.split('id-')[1][0]}" for one in ran.posts]
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("mode", ["", "processes"])
def test_the_end_of_one_is_the_end_of_all(tmp_path: Path, mode: str) -> None:
    source = "import os\ndef handler(event, context): os._exit(7)"
    ran = run(tmp_path, source, [event()], ends=True, AWS_LAMBDA_MAX_CONCURRENCY="3", BOOTJACK_CONCURRENCY_MODE=mode)
    assert ran.code == 7


@pytest.mark.parametrize("given", ["0", "-1", "many", "1e3", "10001", "\u00b2"])
def test_a_concurrency_that_is_not_a_number(tmp_path: Path, given: str) -> None:
    source = "def handler(event, context): return 1"
    ran = run(tmp_path, source, [event()], ends=True, AWS_LAMBDA_MAX_CONCURRENCY=given)
    assert (ran.calls, ran.code) == (["init/error"], 1)
    assert ran.documents[0]["errorType"] == "Runtime.InvalidConcurrency"
    assert repr(given) in ran.documents[0]["errorMessage"]


def test_an_unknown_concurrency_mode(tmp_path: Path) -> None:
    ran = run(
        tmp_path, "def handler(event, context): return 1", [], ends=True,
        AWS_LAMBDA_MAX_CONCURRENCY="2", BOOTJACK_CONCURRENCY_MODE="fibres",
    )  # fmt: skip
    assert (ran.calls, ran.code) == (["init/error"], 1)
    assert "'fibres'" in ran.documents[0]["errorMessage"]


def test_errors_do_not_disturb_other_invocations(tmp_path: Path) -> None:
    source = "async def handler(event, context): return 1 // event"
    nexts = [event(b"%d" % (number % 2)) for number in range(20)]
    ran = run(tmp_path, source, nexts, AWS_LAMBDA_MAX_CONCURRENCY="4")
    assert (ran.calls.count("error"), ran.calls.count("response"), ran.code) == (10, 10, 0)


def test_the_event_loop_lives_as_long_as_the_process(tmp_path: Path) -> None:
    source = """
        import asyncio
        seen = []
        async def handler(event, context):
            seen.append(id(asyncio.get_running_loop()))
            task = asyncio.ensure_future(asyncio.sleep(0))
            return [len(set(seen)), type(asyncio.get_running_loop()).__module__]
    """
    assert run(tmp_path, source, [event()] * 3, command=AS_MODULE).documents == [[1, "uvloop"]] * 3
