"""LocalLambda with several functions, several environments, and code that changes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from bootjack import LocalFunction, LocalLambda
from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox.choice import Kind
from runtime_api.sandbox.entrypoint import Program
from runtime_api.sandbox.processes.memory import tree
from runtime_api.service.errors import ResourceNotFoundException, ServiceException, TooManyRequestsException
from runtime_api.service.records import FunctionSpec
from runtime_api.store.trees import Trees
from tests.engine.scripted import PRELUDE
from tests.loops import run
from tests.sandboxes import SANDBOX, shown_folder
from tests.test_local import ask as send

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.both_sandboxes
PATIENCE_S = 20.0
INVOKE_F = "POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\n"
_numbers = itertools.count(1)

# Answers with its own identity. An event can make it wait for a pipe, append to a file, or exit.
SCRIPT = """
import json
ME = os.urandom(8).hex()
while True:
    request_id, event = next_event()
    asked = json.loads(event)
    if 'wait' in asked:
        open(asked['wait']).read()
    if 'append' in asked:
        open(asked['append'][0], 'a').write(asked['append'][1])
    if 'exit' in asked:
        os._exit(asked['exit'])
    answer = {'me': ME, 'code': CODE, 'name': os.environ['AWS_LAMBDA_FUNCTION_NAME']}
    respond(request_id, json.dumps(answer).encode())
"""


def function(directory: Path, name: str = "f", code: int = 1, **settings: Any) -> LocalFunction:
    """A function that answers with its name, its process and its code."""
    script = directory / f"{name}-{code}.py"
    script.write_text(f"{PRELUDE}CODE = {code}\n{SCRIPT}")
    program = Program(directory, command=(sys.executable, "-I", "-S", str(script)))
    program = program._replace(mounts=(shown_folder(), Path(sys.prefix)))
    return LocalFunction(FunctionSpec(name, timeout_ms=10_000), program, **settings)


async def ask(lam: LocalLambda, name: str = "f", **event: Any) -> dict[str, Any]:
    """Invoke the function and return its answer."""
    async with asyncio.timeout(PATIENCE_S):
        result = await lam.invoke(name, json.dumps(event).encode())
    assert result.function_error is None, result.payload
    return cast("dict[str, Any]", json.loads(result.payload))


def nothing_runs() -> None:
    """Wait until this process has no descendants, apart from the guardian that a server of plain processes keeps."""
    deadline = time.monotonic() + PATIENCE_S
    while not all(map(is_guardian, tree(os.getpid()))):
        assert time.monotonic() < deadline, "an environment goes on"
        time.sleep(0.005)


def is_guardian(process: int) -> bool:
    """Whether it is one, or has ended meanwhile."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return command.split(b"\0")[:2] == [b"/bin/sh", b"-c"] and b"/left_behind.py" in command


class Gate:
    """A pipe that an invocation waits for."""

    def __init__(self) -> None:
        self.path = str(shown_folder() / f"local{next(_numbers)}")
        os.mkfifo(self.path)

    async def open(self) -> None:
        """Let one invocation continue; returns once it waits here."""
        await asyncio.to_thread(Path(self.path).write_text, "go")


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[int]:
    """A descriptor for a log that the test does not read."""
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_an_invocation_is_run_though_its_code_is_replaced_before_its_environment_opens(tmp_path: Path) -> None:
    async def main() -> None:
        async with LocalLambda(sandbox=SANDBOX) as lam:
            lam.add_function(function(tmp_path, code=1))
            for code in range(2, 10):
                asked = asyncio.create_task(ask(lam))
                await asyncio.sleep(0)  # the environment is built, and its opening is a task that has not begun
                lam.add_function(function(tmp_path, code=code))
                assert (await asked)["code"] in (code - 1, code)

    run(main())


def test_functions_are_served_side_by_side(tmp_path: Path, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            for name in ("one", "two"):
                lam.add_function(function(tmp_path, name))
            assert (await ask(lam, "one"))["name"] == "one"
            assert (await ask(lam, "two"))["name"] == "two"
            assert (await ask(lam, "arn:aws:lambda:us-east-1:123456789012:function:two:$LATEST"))["name"] == "two"

    run(main())


def test_concurrent_callers_get_an_environment_each_and_successive_ones_the_same(
    tmp_path: Path, quiet: int, gate: Gate
) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lam.add_function(function(tmp_path))
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            await asyncio.sleep(0)
            others = [await ask(lam) for _ in range(3)]
            await gate.open()
            first = await held
            assert len({other["me"] for other in others}) == 1
            assert first["me"] != others[0]["me"]

    run(main())


def test_one_caller_too_many_is_throttled_and_can_try_again(tmp_path: Path, quiet: int, gate: Gate) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lam.add_function(function(tmp_path, concurrency=1))
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            await asyncio.sleep(0)
            with pytest.raises(TooManyRequestsException) as refused:
                await lam.invoke("f")
            assert refused.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
            await gate.open()
            first = await held
            assert (await ask(lam))["me"] == first["me"]

    run(main())


def test_running_invocations_finish_on_the_code_they_began_with(tmp_path: Path, quiet: int, gate: Gate) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lam.add_function(function(tmp_path, code=1, concurrency=1))
            assert (await ask(lam))["code"] == 1
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            await asyncio.sleep(0)
            lam.add_function(function(tmp_path, code=2, concurrency=1))
            assert (await ask(lam))["code"] == 2
            await gate.open()
            assert (await held)["code"] == 1
            assert (await ask(lam))["code"] == 2

    run(main())


def test_a_crash_costs_one_invocation_and_the_process(tmp_path: Path, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lam.add_function(function(tmp_path))
            before = await ask(lam)
            crashed = await lam.invoke("f", b'{"exit": 3}')
            assert json.loads(crashed.payload)["errorType"] == "Runtime.ExitError"
            after = await ask(lam)
            assert after["me"] != before["me"]

    run(main())


def test_an_idle_environment_is_stopped(tmp_path: Path, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX, idle_timeout_s=0.05) as lam:
            lam.add_function(function(tmp_path))
            me = (await ask(lam))["me"]
            await asyncio.to_thread(nothing_runs)
            assert (await ask(lam))["me"] != me

    run(main())


def test_an_environment_that_cannot_be_opened_fails_its_invocation(tmp_path: Path, quiet: int) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            reason = f"could be opened: 127.0.0.1:{taken.getsockname()[1]}: address already in use"
            async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
                lam.add_function(function(tmp_path, runtime_api=taken.getsockname(), network="host"))
                with pytest.raises(ServiceException, match=reason):
                    await lam.invoke("f")

    run(main())


@pytest.mark.parametrize("network", ["own", "none"])
def test_a_plain_process_has_no_network_of_its_own(tmp_path: Path, quiet: int, network: str) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox="process") as lam:
            with pytest.raises(ValueError, match=f"network {network}: a plain process shares the host's"):
                lam.add_function(function(tmp_path, network=network))
            with pytest.raises(ResourceNotFoundException):
                await lam.invoke("f")
            lam.add_function(function(tmp_path, network="host"))
            await ask(lam)

    run(main())


@pytest.mark.bubblewrap
@pytest.mark.skipif(SANDBOX is Kind.PROCESS, reason="plain processes share the host's network")
@pytest.mark.parametrize(("network", "own"), [(None, True), ("own", True), ("none", True), ("host", False)])
def test_a_function_in_bubblewrap_has_the_network_that_it_asks_for(
    tmp_path: Path, quiet: int, network: str | None, own: bool
) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox="bubblewrap") as lam:
            lam.add_function(function(tmp_path, network=network))
            assert (await lam.open_environment("f") == "127.0.0.1:9001") is own

    run(main())


@pytest.mark.bubblewrap
def test_a_port_that_cannot_be_forwarded_is_refused_before_a_start(tmp_path: Path, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox="bubblewrap") as lam:
            with pytest.raises(ValueError, match="port 9001, where a function has its Runtime API"):
                lam.add_function(function(tmp_path, loopback_ports=(9001,)))
            with pytest.raises(ValueError, match="'mine' is not a valid Network"):
                lam.add_function(function(tmp_path, network="mine"))

    run(main())


def test_leaving_answers_every_waiting_caller(tmp_path: Path, quiet: int, gate: Gate) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lam.add_function(replace(function(tmp_path), concurrency=1, max_queued=1))
            await ask(lam)
            held = asyncio.ensure_future(lam.invoke("f", json.dumps({"wait": gate.path}).encode()))
            waits = asyncio.ensure_future(lam.invoke("f"))
            await asyncio.sleep(0)
        assert json.loads((await held).payload)["errorType"] == "Sandbox.Failure"
        with pytest.raises(ServiceException, match="being shut down"):
            await waits

    run(main())


def test_finishing_waits_for_running_invocations_and_accepts_no_more(tmp_path: Path, quiet: int, gate: Gate) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lam.add_function(function(tmp_path))
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            await asyncio.sleep(0)
            finished = asyncio.ensure_future(lam.finish())
            await asyncio.sleep(0)
            with pytest.raises(ServiceException, match="being shut down"):
                await lam.invoke("f")
            assert not finished.done()
            await gate.open()
            await finished
            assert (await held)["code"] == 1

    run(main())


def test_a_removed_function_finishes_its_invocations_and_is_not_found_any_more(
    tmp_path: Path, quiet: int, gate: Gate
) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lam.add_function(function(tmp_path, concurrency=1, max_queued=1))
            first = await ask(lam)
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            queued = asyncio.ensure_future(ask(lam))
            await asyncio.sleep(0)
            lam.remove_function("f")
            for refused in (lam.invoke("f"), lam.open_environment("f")):
                with pytest.raises(ResourceNotFoundException, match="Function not found"):
                    await refused
            with pytest.raises(ResourceNotFoundException):
                lam.remove_function("f")
            await gate.open()
            assert [(await each)["me"] for each in (held, queued)] == [first["me"]] * 2
            await asyncio.to_thread(nothing_runs)

    run(main())


def test_finishing_waits_for_a_removed_function_that_still_runs(tmp_path: Path, quiet: int, gate: Gate) -> None:
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S), LocalLambda(quiet, sandbox="process") as lam:
            lam.add_function(function(tmp_path))
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            await asyncio.sleep(0)
            lam.remove_function("f")
            finish = asyncio.ensure_future(lam.finish())
            await asyncio.sleep(0)
            await gate.open()
            await held
            await finish

    run(main())


def test_a_removed_function_releases_its_code_and_can_be_added_again(tmp_path: Path, quiet: int) -> None:
    async def main(trees: Trees) -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as lam:
            lease = trees.hold("code", lambda path: path.mkdir())
            lam.add_function(function(tmp_path, leases=(lease,)))
            lease.release()
            before = (await ask(lam))["me"]
            assert lease.path.exists()
            lam.remove_function("f")
            lam.add_function(function(tmp_path, code=2))
            after = await ask(lam)
            assert (after["me"] != before, after["code"]) == (True, 2)
            async with asyncio.timeout(PATIENCE_S):
                while lease.path.exists():  # noqa: ASYNC110 - a directory has no event
                    await asyncio.sleep(0.005)

    with Trees() as trees:
        run(main(trees))


def test_events_wait_for_an_environment_and_finishing_waits_for_them(tmp_path: Path, quiet: int, gate: Gate) -> None:
    events = 3
    ran = shown_folder() / f"ran{next(_numbers)}"

    async def main() -> None:
        async with LocalLambda(quiet, sandbox="process") as lam:
            lam.add_function(function(tmp_path, concurrency=1))
            url = await lam.listen("127.0.0.1", 0)
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            await asyncio.sleep(0)
            for number in range(events):
                head = f"{INVOKE_F}X-Amz-Invocation-Type: Event"
                status, body = await send(url, head, json.dumps({"append": [str(ran), f"{number}\n"]}).encode())
                assert (status, body) == (202, b"")
            finished = asyncio.ensure_future(lam.finish())
            await asyncio.sleep(0)
            assert not finished.done()
            await gate.open()
            await held
            await finished
            assert ran.read_text() == "0\n1\n2\n"

    run(main())


def test_one_event_too_many_is_throttled(tmp_path: Path, quiet: int, gate: Gate) -> None:
    async def main() -> None:
        limits = replace(CURRENT, waiting_events=2)
        async with LocalLambda(quiet, sandbox=SANDBOX, limits=limits) as lam:
            lam.add_function(function(tmp_path, concurrency=1))
            url = await lam.listen("127.0.0.1", 0)
            held = asyncio.ensure_future(ask(lam, wait=gate.path))
            await asyncio.sleep(0)
            head = f"{INVOKE_F}X-Amz-Invocation-Type: Event"
            answers = [await send(url, head) for _ in range(5)]
            statuses = [status for status, _ in answers]
            assert statuses == [202] * statuses.count(202) + [429] * statuses.count(429)
            assert statuses.count(202) == 3  # one has left the queue, and waits for the environment
            assert json.loads(answers[-1][1])["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
            await gate.open()
            await held

    run(main())
