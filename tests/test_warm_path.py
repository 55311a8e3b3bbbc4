"""What a warm invocation costs, in bytecode instructions: a measure that no other load of the machine changes.

The whole server runs here, from a caller's request to the runtime's next call, over connections in memory. What the
event loop does later, such as writing the log, is not counted, nor is code in C.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import runtime_api
from bootjack import LocalFunction, LocalLambda
from runtime_api.protocol import wire
from tests.fuzz.memory import MemoryLoop
from tests.web.requests import get, post

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from tests.fuzz.memory import Peer

RECORDED = {(3, 11): 3057}  # by Python's version, whose compiler decides: record a lower figure when there is one
TOLERANCE = 1.05
ROUNDS = 20
PACKAGE = str(Path(runtime_api.__file__).parent)
EVENT = b'"0123456789012345678901234567890123456789012345678901234567890"'


@pytest.mark.skipif(sys.version_info[:2] not in RECORDED, reason="no figure is recorded for this Python")
def test_a_warm_invocation_executes_no_more_instructions_than_recorded(tmp_path: Path) -> None:
    counts: list[int] = []
    loop = MemoryLoop()
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    try:
        loop.run_until_complete(_measure(loop, log, tmp_path, counts))
    finally:
        os.close(log)
        loop.close()
    recorded = RECORDED[sys.version_info[:2]]
    assert min(counts) <= recorded * TOLERANCE, f"{min(counts)}, {recorded} are recorded"


async def _measure(loop: MemoryLoop, log: int, folder: Path, counts: list[int]) -> None:
    (folder / "bootstrap").write_text("")
    (folder / "bootstrap").chmod(0o755)
    function = replace(LocalFunction.at(folder, "function"), external_runtime=True)
    async with LocalLambda(log) as local:
        local.add_function(function)
        public = await local.listen("127.0.0.1", 0)
        api = await local.open_environment("function")
        caller, runtime = (loop.connect(int(address.rsplit(":")[-1])) for address in (public, api))
        runtime.send(get(wire.NEXT))
        await loop.quiet()
        for number in range(2 * ROUNDS):
            count = _instructions(lambda: _invoke(caller, runtime))
            if number >= ROUNDS:
                counts.append(count)
            await loop.quiet()
        for peer in (caller, runtime):
            peer.leave()


def _invoke(caller: Peer, runtime: Peer) -> None:
    """One invocation, from the request to the runtime's call for the next event."""
    caller.send(post("/2015-03-31/functions/function/invocations", EVENT))
    head = bytes(runtime.received).partition(b"\r\n\r\n")[0]
    runtime.received.clear()
    request_id = head.partition(b"Aws-Request-Id: ")[2][:36].decode()
    runtime.send(post(f"{wire.INVOCATION_PREFIX}{request_id}/{wire.RESPONSE}", EVENT))
    assert runtime.received.startswith(b"HTTP/1.1 202 "), runtime.received
    runtime.received.clear()
    assert caller.received.endswith(EVENT), caller.received
    caller.received.clear()
    runtime.send(get(wire.NEXT))


def _instructions(run: Callable[[], None]) -> int:
    """How many bytecode instructions of this project `run` executes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "opcode":
            count += 1
        elif event == "call":
            if not frame.f_code.co_filename.startswith(PACKAGE):
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count
