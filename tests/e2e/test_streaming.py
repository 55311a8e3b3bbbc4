"""A streamed response to a buffered caller: its chunks are joined, and error trailers make it a function error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.running import RAW, Reply, Rie

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.both_sandboxes


@pytest.fixture(scope="module")
def rie() -> Iterator[Rie]:
    with Rie(*RAW) as server:
        yield server


def streamed(rie: Rie, chunks: list[str], error: dict[str, str] | None = None) -> Reply:
    """Invoke a runtime that streams its response."""
    event: dict[str, Any] = {"do": "stream", "chunks": chunks, **({"error": error} if error else {})}
    return rie.invoke(json.dumps(event).encode())


def test_chunks_are_joined(rie: Rie) -> None:
    reply = streamed(rie, ["one ", "two ", "three"])
    assert (reply.status, reply.body) == (200, b"one two three")
    assert "x-amz-function-error" not in reply.headers


def test_an_empty_stream(rie: Rie) -> None:
    assert streamed(rie, []).body == b""


def test_many_chunks(rie: Rie) -> None:
    assert streamed(rie, ["ab"] * 10_000).body == b"ab" * 10_000


@pytest.mark.slow
def test_a_large_stream(rie: Rie) -> None:
    reply = streamed(rie, ["x" * 1_000_000] * 5)
    assert len(reply.body) == 5_000_000
    in_one_chunk = rie.invoke(b'{"do": "stream", "chunks": ["%b"]}' % (b"y" * 6_291_000))
    assert "x-amz-function-error" not in in_one_chunk.headers


def test_error_trailers_make_it_a_function_error(rie: Rie) -> None:
    error = {"errorType": "Function.InMidStream", "errorMessage": "it broke: ü"}
    reply = streamed(rie, ["half of "], error)
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert json.loads(reply.body) == error
    assert rie.invoke(b"[1]").body == b"[1]"


def test_the_runtime_survives_a_streamed_error(rie: Rie) -> None:
    first = json.loads(rie.invoke(b'{"do": "place"}').body)["pid"]
    streamed(rie, ["a"], {"errorType": "Function.X", "errorMessage": "m"})
    assert json.loads(rie.invoke(b'{"do": "place"}').body)["pid"] == first
