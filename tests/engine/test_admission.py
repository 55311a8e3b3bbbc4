"""Who is admitted to a Runtime API: real connections of processes that belong to an environment, or do not."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.engine import admission
from runtime_api.engine.admission import Admission
from runtime_api.protocol.errors import FORBIDDEN_PEER, VANISHED_PEER, Refusal
from runtime_api.sandbox.external_runtime import ExternalRuntime
from runtime_api.sandbox.ownership import Belonging, Seen
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 30
CROWD = 100
# Connects, and holds the connection until its stdin ends.
CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sys.stdin.read()
"""


class Sandboxed(ExternalRuntime):
    """A sandbox to which certain processes belong."""

    def __init__(self, *leaders: int, user: int | None = None) -> None:
        self._belonging = Belonging(leaders, user=user)

    def belonging(self) -> Belonging:  # type: ignore[override]
        return self._belonging


class Judged:
    """An admission, and what it notes."""

    def __init__(self, sandbox: Any, noted: set[str] | None = None) -> None:
        self.lines: list[str] = []
        self.admission = Admission(sandbox, self.lines.append, set() if noted is None else noted)

    async def refusal(self, accepted: socket.socket) -> Refusal | None:
        found = self.admission.refusal(accepted.getsockname(), accepted.getpeername())
        async with asyncio.timeout(PATIENCE_S):
            return await found if isinstance(found, asyncio.Future) else found


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as made:
        made.settimeout(PATIENCE_S)
        yield made


@contextmanager
def client(listener: socket.socket) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A process with a connection, and the accepted socket."""
    command = [sys.executable, "-I", "-S", "-c", CLIENT, *map(str, listener.getsockname()[:2])]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        accepted, _ = listener.accept()
        with accepted:
            yield process, accepted


def test_an_own_process_is_admitted_at_once(listener: socket.socket) -> None:
    async def main() -> None:
        with client(listener) as (process, accepted):
            judged = Judged(Sandboxed(process.pid))
            assert judged.admission.refusal(accepted.getsockname(), accepted.getpeername()) is None

    run(main())


def test_another_process_is_refused_though_it_is_of_the_same_user(listener: socket.socket) -> None:
    async def main() -> None:
        with client(listener) as (own, _), client(listener) as (_, accepted):
            assert await Judged(Sandboxed(own.pid)).refusal(accepted) is FORBIDDEN_PEER

    run(main())


def test_this_process_is_refused_like_any_other(listener: socket.socket) -> None:
    async def main() -> None:
        with client(listener) as (own, _), socket.create_connection(listener.getsockname()[:2]):
            accepted, _ = listener.accept()
            with accepted:
                assert await Judged(Sandboxed(own.pid)).refusal(accepted) is FORBIDDEN_PEER

    run(main())


def test_nobody_is_admitted_before_there_is_a_process_or_after_the_last_one(listener: socket.socket) -> None:
    async def main() -> None:
        with client(listener) as (_, accepted):
            assert await Judged(Sandboxed()).refusal(accepted) is FORBIDDEN_PEER

    run(main())


@pytest.mark.parametrize("user", [None, 0x7000_0001])
def test_a_process_that_has_ended_before_it_is_looked_for_is_refused(
    listener: socket.socket, user: int | None
) -> None:
    async def main() -> None:
        with client(listener) as (process, accepted):
            process.communicate(timeout=PATIENCE_S)
            assert await Judged(Sandboxed(process.pid, user=user)).refusal(accepted) is VANISHED_PEER

    run(main())


def test_one_whose_environment_has_a_user_of_its_own_is_told_by_that(listener: socket.socket) -> None:
    async def main() -> None:
        with client(listener) as (process, accepted):
            assert await Judged(Sandboxed(process.pid, user=0x7000_0001)).refusal(accepted) is FORBIDDEN_PEER

    run(main())


def test_many_strangers_cost_few_searches(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[int] = []
    search = admission._all_seen

    def counted(belonging: Belonging, wanted: frozenset[Any]) -> Seen:
        searches.append(len(wanted))
        return search(belonging, wanted)

    monkeypatch.setattr(admission, "_all_seen", counted)

    async def main() -> None:
        with ExitStack() as stack:
            own, own_accepted = stack.enter_context(client(listener))
            judged = Judged(Sandboxed(own.pid))
            judgements = []
            for _ in range(CROWD):
                stack.enter_context(socket.create_connection(listener.getsockname()[:2]))
                accepted = stack.enter_context(listener.accept()[0])
                judgements.append(judged.admission.refusal(accepted.getsockname(), accepted.getpeername()))
            assert await judged.refusal(own_accepted) is None
            async with asyncio.timeout(PATIENCE_S):
                found = [await each for each in judgements if isinstance(each, asyncio.Future)]
            assert found == [FORBIDDEN_PEER] * CROWD

    run(main())
    assert sum(searches) == CROWD
    assert len(searches) == 2  # the first one began with the first stranger; the others waited for the second


def test_a_search_that_fails_admits_nobody(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Seen:
        raise OSError("no more threads")

    monkeypatch.setattr(admission, "_all_seen", fail)

    async def main() -> None:
        with client(listener) as (own, _), client(listener) as (_, accepted):
            assert await Judged(Sandboxed(own.pid)).refusal(accepted) is FORBIDDEN_PEER

    run(main())


def test_nobody_is_looked_for_where_anybody_may_come(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "find_socket", None)

    async def main() -> None:
        with client(listener) as (_, accepted):
            assert await Judged(ExternalRuntime()).refusal(accepted) is None

    run(main())


@pytest.mark.parametrize("missing", ["can_ask", "can_list"])
def test_where_the_system_does_not_tell_the_user_is_told_once(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(admission, missing, lambda: False)

    async def main() -> None:
        noted: set[str] = set()
        several = [Judged(Sandboxed(1), noted) for _ in range(2)]
        with client(listener) as (_, accepted):
            for judged in several * 2:
                assert await judged.refusal(accepted) is None
        assert [judged.lines for judged in several] == [[admission.NO_CHECK], []]

    run(main())


def test_the_user_is_told_once_of_refused_requests() -> None:
    judged = Judged(Sandboxed())
    for refusal in (VANISHED_PEER, FORBIDDEN_PEER):
        judged.admission.refused(refusal)
    (line,) = judged.lines
    assert VANISHED_PEER.message in line
    assert "--only-lambda-apis" in line
