"""Both ports under the fuzz: the same inputs in every run, and every input that ever failed.

`python -m tests.fuzz` looks for new ones, with any seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runtime_api.protocol.wire import NEXT
from runtime_api.web.front import Front
from runtime_api.web.http1.exchange import Exchange
from runtime_api.web.http1.heads import HeadCache
from runtime_api.web.http1.parser import RequestParser
from tests.fuzz.grammar import STREAMING
from tests.fuzz.in_process import Fuzz, run_in_process
from tests.fuzz.inputs import SEEDS, Ending, Input, Port, load, stored
from tests.fuzz.mutations import make
from tests.fuzz.over_sockets import run_over_sockets
from tests.web.requests import chunked, get, post
from tests.web.ways import ANSWER, INVOKE

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_api.web.http1.exchange import Channel

SHORT = 8000  # inputs: two seconds on a machine that does nothing else
LONG = 25_000
SOCKETS = 2000


def test_the_same_number_gives_the_same_input() -> None:
    assert [make(7, number) for number in range(50)] == [make(7, number) for number in range(50)]
    assert len({make(7, number) for number in range(500)}) > 490


def test_a_seed_is_read_as_it_was_written(tmp_path: Path) -> None:
    given = Input(Port.RUNTIME, (b"GET /\xff\0'\"\\ HTTP", b"\r\n" * 200), Ending.DEAF)
    assert load(given.store("two\nlines", tmp_path)) == given


@pytest.mark.parametrize("name", stored())
def test_what_failed_once_holds(name: str) -> None:
    with Fuzz() as fuzz:
        assert fuzz.complaint(load(SEEDS / f"{name}.txt")) is None
        assert fuzz.is_answering()


def test_random_input_in_process(tmp_path: Path) -> None:
    done = run_in_process(1, 0, SHORT, tmp_path)
    assert not done.failures, done.failures[:5]


@pytest.mark.slow
def test_much_random_input_in_process(tmp_path: Path) -> None:
    done = run_in_process(220, 0, LONG, tmp_path)
    assert not done.failures, done.failures[:5]


@pytest.mark.slow
def test_random_input_over_sockets(tmp_path: Path) -> None:
    done = run_over_sockets(220, 0, SOCKETS, tmp_path)
    assert not done.failures, done.failures[:5]


def complaint(*pieces: bytes, port: Port = Port.PUBLIC) -> str:
    """What the fuzz says to this."""
    with Fuzz() as fuzz:
        return fuzz.complaint(Input(port, pieces, Ending.HALF)) or ""


def test_a_bug_in_a_handler_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_front: Front, _exchange: Exchange) -> None:
        raise ZeroDivisionError("a bug")

    with Fuzz() as fuzz:
        monkeypatch.setattr(Front, "finished", fail)
        given = Input(Port.PUBLIC, (post(INVOKE, b"1"),), Ending.CLOSE)
        assert "in the event loop: A request handler failed: ZeroDivisionError" in (fuzz.complaint(given) or "")


def test_a_body_that_is_read_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    find = HeadCache.find
    again = post(INVOKE, b"12")
    assert not complaint(again, again)

    def misread(cache: HeadCache, data: bytes, channel: Channel) -> Exchange | None:
        exchange = find(cache, data, channel)
        return exchange and replace(exchange, body=b"1")

    monkeypatch.setattr(HeadCache, "find", misread)
    assert "was answered with b'1'" in complaint(again, again)


def test_bytes_that_get_lost_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = RequestParser.feed
    monkeypatch.setattr(RequestParser, "feed", lambda parser, data: feed(parser, data.replace(b"\n12", b"\n13")))
    assert "was answered with b'13'" in complaint(post(INVOKE, b"12"))


def test_a_piece_that_gets_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Exchange.take_pieces
    poll, answer = get(NEXT), chunked(ANSWER, b"half", b"rest.", headers=(STREAMING,))
    assert len(poll + answer) % 2 == 0, "or the caller reads no stream"
    head, half, rest = poll, answer[:-15], answer[-15:]
    assert not complaint(head, half, rest, port=Port.RUNTIME)
    monkeypatch.setattr(Exchange, "take_pieces", lambda exchange: take(exchange)[1:])
    assert "which is no body of a request" in complaint(head, half, rest, port=Port.RUNTIME)


def test_a_request_that_gets_no_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Front, "finished", lambda _front, _exchange: None)
    monkeypatch.setattr(Front, "half_closed", lambda _front, _exchange: True)
    given = Input(Port.PUBLIC, (post(INVOKE, b"1"),), Ending.HALF)
    fuzz = Fuzz()
    fuzz._loop.run_until_complete(fuzz._ports.listen())
    assert "has no answer" in (fuzz.complaint(given) or "")
    fuzz.__exit__()


def test_good_requests_are_no_failures() -> None:
    assert not complaint(get("/_bootjack/health"), post(INVOKE, b"{}"))
    assert not complaint(get("/2018-06-01/ping"), port=Port.RUNTIME)
