"""Runs each case against a server started from the template, or against one that is already running."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import Recorder
from runtime_api.conformance.matching import shown
from runtime_api.conformance.verdicts import Judgement, Verdict

from .case_run import CaseRun, Mismatch
from .features import PROBES, why_missing
from .launch import start
from .remote import RemoteServers, why_not
from .script import run_steps
from .server import ServerFailed
from .sessions import Session, Sessions
from .template import TIMEOUT_S, given_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from runtime_api.conformance.cases import Case

    from .launch import Start
    from .template import Template

__all__ = ["ServerSide"]


class ServerSide:
    """Judges a server. Cases run in threads, because all they do is wait for sockets.

    The server is not probed for `features` that it is known to have.
    """

    def __init__(
        self,
        servers: Template | RemoteServers,
        timeout_s: float,
        begin: Start = start,
        features: Iterable[str] = (),
    ) -> None:
        self._template = None if isinstance(servers, RemoteServers) else servers
        self._sessions = servers if isinstance(servers, RemoteServers) else Sessions(servers, timeout_s, begin)
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(64, "conform")
        self._features: dict[str, str | None] = dict.fromkeys(features)
        self._probing = threading.Lock()

    async def __aenter__(self) -> Self:
        if isinstance(self._sessions, RemoteServers):
            await asyncio.to_thread(self._sessions.check)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._sessions.close)
        self._threads.shutdown()

    async def run(self, case: Case, rng: Random) -> Judgement:
        """Run one case in a thread of its own. All its waits are bounded, so cancellation waits for its end."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, self.judge, case, rng)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await running
            raise

    def judge(self, case: Case, rng: Random) -> Judgement:
        """Run one case in this thread."""
        reason = self._why_not(case)
        if reason is not None:
            return Judgement(case, Verdict.SKIPPED, reason=reason)
        if case.feature is not None:
            reason = self._missing(case.feature)
            if reason is not None:
                return Judgement(case, Verdict.UNIMPLEMENTED, reason=f"{case.feature}: {reason}")
        recorder = Recorder()
        try:
            mismatch = self._run(case, rng, recorder)
        except ServerFailed as error:
            mismatch = Mismatch("the server starts", str(error))
        exchange, seconds = recorder.messages(), recorder.seconds
        if mismatch is None:
            return Judgement(case, Verdict.OK, exchange=exchange, seconds=seconds)
        verdict = Verdict.NON_STRICT if case.strict else Verdict.FAILED
        return Judgement(case, verdict, mismatch.expected, mismatch.happened, "", exchange, seconds)

    def _run(self, case: Case, rng: Random, recorder: Recorder) -> Mismatch | None:
        given = given_of(case.given)
        session = self._sessions.take(given)
        timeout_s = self._timeout_s + (given.timeout if given.timeout < TIMEOUT_S else 0)
        run = CaseRun(session, recorder, rng, timeout_s)
        poll, mismatch, unspoiled = None, None, False
        try:
            poll = run_steps(run, case.steps)
            unspoiled = True
        except Mismatch as error:
            mismatch = error
        finally:
            run.close()
            self._sessions.give_back(given, Session(session.server, poll), unspoiled=unspoiled)
        return mismatch

    def _why_not(self, case: Case) -> str | None:
        if self._template is None:
            return why_not(case)
        return self._template.why_not(case)

    def _missing(self, feature: str) -> str | None:
        """Why the server does not have a feature; None when it has."""
        with self._probing:
            if feature not in self._features:
                self._features[feature] = self._probe(feature)
            return self._features[feature]

    def _probe(self, feature: str) -> str | None:
        probe = PROBES[feature]
        # In a used session a runtime waits for an event already; the server would start none for this request.
        given = probe.given._replace(fresh=probe.starts_runtime)
        try:
            session = self._sessions.take(given)
        except ServerFailed as error:
            return f"{error} with {shown(dict(probe.given.env))}"
        run = CaseRun(session, Recorder(), Random(0), self._timeout_s)
        try:
            return why_missing(run, probe)
        except Mismatch as error:
            return f"{error.expected}; {error.happened}"
        finally:
            run.close()
            self._sessions.give_back(given, session, unspoiled=False)
