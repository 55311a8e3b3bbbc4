"""The states of an exchange: every way that one can go, over every order of what peer and handler do."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from runtime_api.web.http1.events import Broken, Data, End
from runtime_api.web.http1.exchange import DRAIN_BYTES, Exchange
from runtime_api.web.http1.states import (
    ANSWER,
    ANSWER_EARLY,
    ANSWERED,
    ANSWERED_EARLY,
    BODY,
    BROKEN,
    CLOSE,
    COMPLETE,
    CONTINUE,
    DROP,
    FINISH,
    HANDLER,
    NEXT,
    OVERFLOW,
    RECEIVE,
    REPLY,
    REQUEST,
    START,
    STREAMING,
    TRUNCATE,
    WHEN_LOST,
    HandlerState,
    ReplyState,
    RequestState,
)
from tests.web.channels import NoChannel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.web.http1.states import Act

LIMIT = 4
Sent = Data | End | Broken | None
PEER: list[Sent] = [Data(b"xxx"), Data(b"xxxxx"), End(), Broken(None), None]  # None: it goes without a word
HEADS = list(itertools.product((0, 3, 5), (False, True), (False, True), (False, True)))
TOLD = frozenset({START, RECEIVE, FINISH, OVERFLOW, TRUNCATE, DROP})
ENDINGS = frozenset({FINISH, OVERFLOW, TRUNCATE})


class Course:
    """One exchange as a connection drives it: the handler answers at its `answer_at`-th notice."""

    def __init__(
        self, announced: int, expects: bool, http10: bool, close: bool, answer_at: int, in_pieces: bool = False
    ) -> None:
        headers = {b"expect": b"100-continue"} if expects else {}
        self.exchange = Exchange(
            NoChannel(), b"POST", b"/", b"", headers, announced=announced, http10=http10, close=close
        )
        self.acts: list[Act] = []
        self._answer_at = answer_at
        self._in_pieces = in_pieces
        self.received = b""  # in pieces

    @property
    def told(self) -> list[Act]:
        return [act for act in self.acts if act in TOLD]

    @property
    def over(self) -> bool:
        return NEXT in self.acts or CLOSE in self.acts

    def advance(self) -> None:
        for _ in range(10):
            act = self.exchange.next_act(LIMIT, is_lost=False)
            if act is None:
                return
            self._do(act)
            if act is CLOSE:
                self._lose()
            if self.over:
                return
        raise AssertionError(f"the exchange never rests: {self.acts}")

    def receive(self, event: Sent) -> None:
        if event is None:
            self._lose()
            self.acts.append(CLOSE)
        elif self.exchange.request_state is BODY:
            self.exchange.receive(event, LIMIT)
            self.advance()

    def _lose(self) -> None:
        """The connection is lost: closed by us or by the peer."""
        act = None if self.exchange.answered else WHEN_LOST.get(self.exchange.handler_state)
        if act is not None:
            self._do(act)

    def _do(self, act: Act) -> None:
        self.acts.append(act)
        if act is CONTINUE:
            self.exchange.continued()
        elif act in TOLD:
            self.exchange.told(act)
            self.exchange.in_pieces = self._in_pieces
            if act is RECEIVE:
                self.received += self.exchange.take_pieces()
            if len(self.told) == self._answer_at and not self.exchange.answered:
                early = self.exchange.request_state is not COMPLETE and self.exchange.awaits_continue
                self._do(ANSWER_EARLY if early else ANSWER)
        elif act in (ANSWER, ANSWER_EARLY):
            self.exchange.reply(200)
            assert self.exchange.reply_state is (ANSWERED if act is ANSWER else ANSWERED_EARLY)


def courses() -> Iterator[tuple[Course, tuple[Sent, ...]]]:
    ways = itertools.product(HEADS, (1, 2, 9), itertools.product(PEER, repeat=3), (False, True))
    for head, answer_at, events, in_pieces in ways:
        course = Course(*head, answer_at, in_pieces)
        course.advance()
        for event in events:
            if not course.over:
                course.receive(event)
        yield course, events


def test_every_course_keeps_to_the_tables_and_to_the_rules() -> None:
    seen: set[Act] = set()
    for course, events in courses():  # an act that is missing from a table is a KeyError
        acts = course.acts
        seen.update(acts)
        where = f"{events}: {acts}"
        assert sum(act in ENDINGS for act in acts) <= 1, where
        assert acts.count(START) <= 1, where
        assert acts.count(CONTINUE) <= 1, where
        assert sum(act in (ANSWER, ANSWER_EARLY) for act in acts) <= 1, where
        if ANSWER_EARLY in acts:
            assert CONTINUE not in acts, where
            assert NEXT not in acts, f"a connection goes on whose peer may never send the body: {where}"
        if RECEIVE in acts:
            assert acts.index(START) < acts.index(RECEIVE), where
            assert OVERFLOW not in acts, where
            assert course.received, where
        if DROP in acts:
            assert ENDINGS & set(acts), where
        if course.exchange.request_state is BROKEN:
            assert course.over, f"a connection goes on behind a body without an end: {where}"
        if course.exchange.close:
            assert NEXT not in acts, where
    assert seen >= {START, RECEIVE, FINISH, OVERFLOW, TRUNCATE, DROP, CONTINUE, ANSWER, ANSWER_EARLY, NEXT, CLOSE}


def test_a_handler_that_owes_a_reply_hears_how_the_exchange_ends() -> None:
    for course, events in courses():
        if course.over and not course.exchange.answered:
            assert course.told[-1] in (TRUNCATE, DROP), f"{events}: {course.acts}"


def test_a_body_is_read_and_dropped_after_the_reply_up_to_a_bound() -> None:
    course = Course(3, False, False, False, answer_at=1)
    course.advance()
    assert course.exchange.next_act(LIMIT, is_lost=False) is None
    course.exchange.raw_bytes = DRAIN_BYTES + 1
    assert course.exchange.next_act(LIMIT, is_lost=False) is CLOSE


def test_a_body_that_is_taken_in_pieces_has_no_bound() -> None:
    course = Course(0, False, False, False, answer_at=9, in_pieces=True)
    course.advance()
    for _ in range(2):
        course.exchange.raw_bytes += DRAIN_BYTES
        course.receive(Data(b"x"))
    assert course.received == b"xx"
    assert not course.over


def test_a_body_that_is_complete_is_not_held_up() -> None:
    course = Course(0, False, False, False, answer_at=9, in_pieces=True)
    course.advance()
    course.exchange.hold()
    assert course.exchange.held
    course.exchange.resume()
    course.receive(End())
    course.exchange.hold()
    assert not course.exchange.held


def test_a_peer_that_lost_its_way_behind_an_open_request_is_closed() -> None:
    course = Course(0, False, False, False, answer_at=9)
    course.advance()
    course.receive(End())
    assert course.exchange.next_act(LIMIT, is_lost=False) is None
    assert course.exchange.next_act(LIMIT, is_lost=True) is CLOSE


def test_a_reply_in_pieces_is_no_answer_before_its_end() -> None:
    course = Course(0, False, False, False, answer_at=9)
    course.advance()
    course.receive(End())
    exchange = course.exchange
    exchange.begin(200, "")
    assert (exchange.reply_state, exchange.next_act(LIMIT, is_lost=False)) == (STREAMING, None)
    exchange.reply(500)
    assert exchange.reply_state is STREAMING, "one reply for one request"
    exchange.end()
    assert (exchange.answered, exchange.next_act(LIMIT, is_lost=False)) == (True, NEXT)


def test_every_state_has_a_row_and_can_be_reached() -> None:
    for table, states in ((REQUEST, RequestState), (HANDLER, HandlerState), (REPLY, ReplyState)):
        members = list(states)
        assert list(table) == members
        reached = {after for row in table.values() for after in row.values()}
        assert reached | {members[0]} == set(members)
