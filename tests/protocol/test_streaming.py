"""Event streams as botocore reads them, preludes, trailers, and the bandwidth of a stream."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.streaming import (
    BURST_BYTES,
    CHUNK_BYTES,
    Prelude,
    Shaper,
    invoke_complete,
    payload_chunks,
    split_prelude,
    trailer_document,
)


def read(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """Decode messages; botocore checks lengths and checksums."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


@given(st.binary(max_size=3000))
def test_a_piece_is_a_message_that_sdks_read(data: bytes) -> None:
    messages = read(b"".join(payload_chunks(data)))
    assert b"".join(payload for _, payload in messages) == data
    for headers, _ in messages:
        assert headers == {
            ":event-type": "PayloadChunk",
            ":content-type": "application/octet-stream",
            ":message-type": "event",
        }


def test_a_large_piece_is_several_messages_and_an_empty_one_is_none() -> None:
    data = bytes(range(256)) * (CHUNK_BYTES // 100)
    messages = read(b"".join(payload_chunks(data)))
    assert b"".join(payload for _, payload in messages) == data
    assert max(len(payload) for _, payload in messages) == CHUNK_BYTES
    assert list(payload_chunks(b"")) == []


def test_the_last_message() -> None:
    ((headers, payload),) = read(invoke_complete(None, "", b""))
    assert (headers[":event-type"], headers[":content-type"]) == ("InvokeComplete", "application/json")
    assert json.loads(payload) == {}
    ((_, payload),) = read(invoke_complete("Function.X", '{"errorMessage":"ü"}', b"START\n"))
    assert json.loads(payload) == {
        "ErrorCode": "Function.X",
        "ErrorDetails": '{"errorMessage":"ü"}',
        "LogResult": base64.b64encode(b"START\n").decode(),
    }


@given(st.binary(max_size=20), st.binary(max_size=20), st.integers(0, 60))
def test_a_prelude_ends_at_eight_zero_bytes_however_it_comes(head: bytes, body: bytes, at: int) -> None:
    document = head.replace(b"\0", b"")
    data = document + bytes(8) + body
    found = split_prelude(data[:at])
    if at < len(document) + 8:
        assert found is None
    else:
        assert found == Prelude(document, data[:at][len(document) + 8 :])


@pytest.mark.parametrize(
    ("value", "document"),
    [(None, None), (b"", b""), (base64.b64encode(b'{"a":1}'), b'{"a":1}'), (b'{"a":1}', b'{"a":1}')],
)
def test_the_document_of_a_trailer(value: bytes | None, document: bytes | None) -> None:
    assert trailer_document(value) == document


@given(st.integers(1, 20), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 10_000_000)), max_size=40))
def test_a_stream_takes_its_burst_and_then_its_rate_at_most(megabytes: int, steps: list[tuple[float, int]]) -> None:
    rate, now, gone = megabytes * 1_048_576, 100.0, 0
    shaper = Shaper(rate, now)
    for later, wanted in steps:
        now += later
        wait_s = shaper.wait_s(now)
        assert 0 <= wait_s <= 0.125
        gone += shaper.take(wanted)
        assert gone <= BURST_BYTES + rate * (now - 100) + 1e-3


def test_a_stream_gets_its_rate() -> None:
    now, gone = 0.0, 0
    shaper = Shaper(2_097_152, now)
    while gone < BURST_BYTES + 20_971_520:
        now += shaper.wait_s(now)
        gone += shaper.take(100_000)
    assert now == pytest.approx(10, abs=0.25)
