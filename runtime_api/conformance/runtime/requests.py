"""Reads one request of a bootstrap, strictly: what is not HTTP becomes a call of kind "malformed"."""

from __future__ import annotations

import asyncio

from .calls import Call, kind_of

__all__ = ["HEAD_BYTES", "read_request"]

HEAD_BYTES = 1 << 21  # AWS's own bootstraps send error causes of up to 1 MiB in a header


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> Call | None:
    """One request; None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        if not error.partial.strip():
            return None
        return Call(writer, connection, "", "", "malformed", error.partial.decode("latin-1"), (), b"")
    except asyncio.LimitOverrunError:
        return Call(writer, connection, "", "", "malformed", f"a head of more than {HEAD_BYTES} bytes", (), b"")
    line, _, rest = head.partition("\r\n")
    method, _, target = line.partition(" ")
    path, _, version = target.rpartition(" ")
    headers = tuple(_header(text) for text in rest.strip("\r\n").split("\r\n") if text)
    call = Call(writer, connection, method, path, kind_of(method, path), rest.strip("\r\n"), headers, b"")
    if not version.startswith("HTTP/1.") or any(not name or name != name.strip() for name, _ in headers):
        call.kind = "malformed"
        return call
    if call.wants_continue:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        await _read_body(reader, call)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        call.kind = "malformed"
        call.head += f"\n(the body: {error})"
    return call


async def _read_body(reader: asyncio.StreamReader, call: Call) -> None:
    length = call.header("content-length")
    if (call.header("transfer-encoding") or "").lower() == "chunked":
        call.chunks = await _read_chunks(reader)
        call.body = b"".join(call.chunks)
        trailers = (await reader.readuntil(b"\r\n")).decode("latin-1")
        while not trailers.endswith("\r\n\r\n") and trailers != "\r\n":
            trailers += (await reader.readuntil(b"\r\n")).decode("latin-1")
        call.trailers = tuple(_header(text) for text in trailers.split("\r\n") if text)
    elif length is not None:
        call.body = await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> list[bytes]:
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0].strip(), 16):
        chunks.append(await reader.readexactly(size))
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk is longer than its size")
    return chunks


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip(" \t")
