"""A function whose runtime is a script that speaks to the Runtime API over a raw socket."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from runtime_api.local import LocalFunction, LocalLambda
from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.sandbox.choice import Kind
from runtime_api.sandbox.entrypoint import Program
from runtime_api.service.records import FunctionSpec
from tests.sandboxes import SANDBOX

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runtime_api.service.seams.dispatch import BodyStream

NAME = "f"
PATIENCE_S = 20.0

# The start of every script: `ask` makes a call and reads the answer, `tell` makes a call and reads nothing.
PRELUDE = """
import os, socket, sys, time
host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')
connection = socket.create_connection((host, int(port)))
BASE = '/2018-06-01/runtime/'
def tell(method, path, body=b'', headers=''):
    head = f'{method} {BASE}{path} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(body)}\\r\\n{headers}\\r\\n'
    connection.sendall(head.encode() + body)
def ask(method, path, body=b'', headers=''):
    tell(method, path, body, headers)
    data = b''
    while b'\\r\\n\\r\\n' not in data:
        data += connection.recv(65536)
    head, _, rest = data.partition(b'\\r\\n\\r\\n')
    lines = [line.partition(': ') for line in head.decode('latin-1').split('\\r\\n')[1:]]
    answer = {name.lower(): value for name, _, value in lines}
    while len(rest) < int(answer['content-length']):
        rest += connection.recv(1 << 20)
    return answer, rest
def next_event():
    answer, event = ask('GET', 'invocation/next')
    return answer['lambda-runtime-aws-request-id'], event
def respond(request_id, body):
    return ask('POST', f'invocation/{request_id}/response', body)
def begin_stream(request_id):
    lines = ('Host: x', 'Transfer-Encoding: chunked', 'Lambda-Runtime-Function-Response-Mode: streaming')
    head = (f'POST {BASE}invocation/{request_id}/response HTTP/1.1', *lines, '', '')
    connection.sendall('\\r\\n'.join(head).encode())
def send_piece(data):
    connection.sendall(b'%x\\r\\n%b\\r\\n' % (len(data), data))
def end_stream():
    connection.sendall(b'0\\r\\n\\r\\n')
    connection.recv(65536)
def say(text):
    os.write(1, text.encode() + b'\\n')
"""

ECHO = """
while True:
    request_id, event = next_event()
    respond(request_id, event)
"""


class Log:
    """Reads a pipe to its end on a thread, as a terminal would."""

    def __init__(self) -> None:
        reader, self.writer = os.pipe()
        self._lines = bytearray()
        self._thread = threading.Thread(target=self._read, args=(reader,))
        self._thread.start()

    def _read(self, reader: int) -> None:
        while data := os.read(reader, 1 << 16):
            self._lines += data
        os.close(reader)

    def close(self) -> list[str]:
        """Return the lines that arrived."""
        os.close(self.writer)
        self._thread.join(PATIENCE_S)
        return self._lines.decode().splitlines()


class Function:
    """A function that can be invoked."""

    def __init__(self, service: LocalLambda) -> None:
        self._service = service

    async def invoke(self, payload: bytes = b"{}", log_type: str = "None") -> tuple[str | None, bytes, bytes]:
        """Invoke it; return the function error, the payload and the log tail."""
        async with asyncio.timeout(PATIENCE_S):
            result = await self._service.invoke(NAME, payload, log_type=log_type)
        return result.function_error, result.payload, result.log_tail

    async def open(self, payload: bytes = b"{}") -> BodyStream:
        """Invoke it; return the stream that it answers with."""
        async with asyncio.timeout(PATIENCE_S):
            result = await self._service.invoke(NAME, payload, streamed=True)
        assert result.stream is not None
        return result.stream


@asynccontextmanager
async def running(
    directory: Path,
    script: str,
    log: int,
    timeout_ms: float = 5000,
    limits: Limits = CURRENT,
    init_ms: float = 10_000,
) -> AsyncIterator[Function]:
    """Serve a function whose runtime is this script, in a directory that it can write to."""
    writable = "" if SANDBOX is Kind.PROCESS else "os.chdir('/tmp')\n"
    (directory / "runtime.py").write_text(PRELUDE + writable + script)
    program = Program(directory, command=(sys.executable, "-I", "-S", str(directory / "runtime.py")))
    configuration = FunctionSpec(NAME, timeout_ms=timeout_ms)
    async with LocalLambda(log, sandbox=SANDBOX, limits=limits) as service:
        service.add_function(
            LocalFunction(
                configuration, program, init_ms=init_ms, concurrency=1, max_queued=limits.waiting_invocations
            )
        )
        yield Function(service)
