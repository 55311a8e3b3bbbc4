"""The memory of large events and responses is free when their invocation is over, before Python collects anything."""

from __future__ import annotations

import gc
import os
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

from bootjack import LocalFunction, LocalLambda
from runtime_api.protocol import wire
from tests.fuzz.memory import MemoryLoop
from tests.web.requests import get, post

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fuzz.memory import Peer

BODY = b'"' + b"x" * 1_000_000 + b'"'
READ_BYTES = 256_000  # what uvloop reads at once


def test_large_bodies_are_not_kept_until_the_next_collection(tmp_path: Path) -> None:
    loop = MemoryLoop()
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    gc.disable()
    tracemalloc.start()
    try:
        kept = loop.run_until_complete(_kept_bytes(loop, log, tmp_path))
    finally:
        tracemalloc.stop()
        gc.enable()
        os.close(log)
        loop.close()
    assert kept < len(BODY)


async def _kept_bytes(loop: MemoryLoop, log: int, folder: Path) -> int:
    """How much more memory is in use after five invocations than after the first."""
    (folder / "bootstrap").write_text("")
    (folder / "bootstrap").chmod(0o755)
    async with LocalLambda(log) as local:
        local.add_function(replace(LocalFunction.at(folder, "function"), external_runtime=True))
        public = await local.listen("127.0.0.1", 0)
        api = await local.open_environment("function")
        caller, runtime = (loop.connect(int(address.rsplit(":")[-1])) for address in (public, api))
        used = []
        for _ in range(5):
            _invoke(caller, runtime)
            await loop.quiet()
            used.append(tracemalloc.get_traced_memory()[0])
        for peer in (caller, runtime):
            peer.leave()
        return used[-1] - used[0]


def _invoke(caller: Peer, runtime: Peer) -> None:
    runtime.send(get(wire.NEXT))
    _send(caller, post("/2015-03-31/functions/function/invocations", BODY))
    head = bytes(runtime.received[:2000]).partition(b"\r\n\r\n")[0]
    request_id = head.partition(b"Aws-Request-Id: ")[2][:36].decode()
    _send(runtime, post(f"{wire.INVOCATION_PREFIX}{request_id}/{wire.RESPONSE}", BODY))
    assert caller.received.endswith(BODY)
    caller.received, runtime.received = bytearray(), bytearray()


def _send(peer: Peer, data: bytes) -> None:
    for at in range(0, len(data), READ_BYTES):
        peer.send(data[at : at + READ_BYTES])
