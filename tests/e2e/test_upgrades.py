"""Clients that offer HTTP/2 with every request, as Java's client and curl --http2 do: the offer is ignored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import RAW, Rie

if TYPE_CHECKING:
    from collections.abc import Iterator

OFFER = {
    "Connection": "Upgrade, HTTP2-Settings",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAEAAEAAAAIAAAAA",
}


@pytest.fixture(scope="module")
def rie() -> Iterator[Rie]:
    with Rie(*RAW) as server:
        yield server


def test_an_event_with_an_offer_of_http2(rie: Rie) -> None:
    assert rie.invoke(b'{"offered": 2}', **OFFER).body == b'{"offered": 2}'


def test_a_chunked_event_with_an_offer_of_http2(rie: Rie) -> None:
    with rie.connection() as connection:
        connection.request("POST", rie.path(), iter([b"[1", b",2]"]), OFFER, encode_chunked=True)
        assert connection.getresponse().read() == b"[1,2]"


def test_the_connection_stays_open_after_an_offer(rie: Rie) -> None:
    with rie.connection() as connection:
        for event in (b"[1]", b"[2]"):
            connection.request("POST", rie.path(), event, OFFER)
            assert connection.getresponse().read() == event


def test_an_answer_with_an_offer_of_http2(rie: Rie) -> None:
    reply = rie.invoke(json.dumps({"do": "upgrade", "text": "whole"}).encode())
    assert reply.body == b"whole"
    assert rie.invoke(b"[1]").body == b"[1]"
