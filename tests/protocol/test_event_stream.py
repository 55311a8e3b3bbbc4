"""Messages of an event stream, however they are cut into reads."""

from __future__ import annotations

import pytest

from runtime_api.protocol.event_stream import Message, MessageReader, StreamError
from runtime_api.protocol.streaming import invoke_complete, payload_chunks

STREAM = b"".join((*payload_chunks(b"one" * 100), *payload_chunks("zwölf".encode()), invoke_complete(None, "", b"")))
MESSAGES = [
    Message("PayloadChunk", b"one" * 100),
    Message("PayloadChunk", "zwölf".encode()),
    Message("InvokeComplete", b"{}"),
]


@pytest.mark.parametrize("size", [1, 7, 16, len(STREAM)])
def test_messages_are_read_from_pieces_of_any_size(size: int) -> None:
    reader = MessageReader()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [message for piece in pieces for message in reader.feed(piece)] == MESSAGES


@pytest.mark.parametrize("at", range(0, 60, 5))
def test_a_damaged_stream_is_refused(at: int) -> None:
    damaged = bytearray(STREAM)
    damaged[at] ^= 0x40
    with pytest.raises(StreamError):
        MessageReader().feed(bytes(damaged))
