"""The side itself: plays each case against a server of the template, or against one that runs already."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import Recorder
from runtime_api.conformance.verdicts import Judgement, Verdict

from .features import PROBES, missing
from .launching import TIMEOUT_SECONDS, given_of, start
from .running import RunningServers, why_not
from .script import Mismatch, Script
from .sessions import Session, Sessions

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from runtime_api.conformance.cases import Case

    from .launching import Start, Template

__all__ = ["ServerSide"]


class ServerSide:
    """Judges a server."""

    def __init__(self, servers: Template | RunningServers, patience: float, begin: Start = start) -> None:
        self._template = None if isinstance(servers, RunningServers) else servers
        self._sessions = servers if isinstance(servers, RunningServers) else Sessions(servers, begin)
        self._patience = patience
        self._threads = ThreadPoolExecutor(64, "conform")
        self._features: dict[str, str | None] = {}
        self._probing = threading.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._sessions.close)
        self._threads.shutdown()

    async def play(self, case: Case, chance: Random) -> Judgement:
        """Play one case, on a thread of its own: its waits are bounded, and it is waited for to the end."""
        playing = asyncio.get_running_loop().run_in_executor(self._threads, self.judge, case, chance)
        try:
            return await asyncio.shield(playing)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await playing
            raise

    def judge(self, case: Case, chance: Random) -> Judgement:
        """The same, on this thread."""
        reason = self._why_not(case)
        if reason is not None:
            return Judgement(case, Verdict.SKIPPED, reason=reason)
        if case.feature is not None:
            reason = self._missing(case.feature)
            if reason is not None:
                return Judgement(case, Verdict.UNIMPLEMENTED, reason=f"{case.feature}: {reason}")
        recorder = Recorder()
        try:
            mismatch = self._play(case, chance, recorder)
        except AssertionError as error:
            mismatch = Mismatch("a server that starts", str(error))
        exchange, seconds = recorder.messages(), recorder.seconds
        if mismatch is None:
            return Judgement(case, Verdict.OK, exchange=exchange, seconds=seconds)
        verdict = Verdict.NON_STRICT if case.strict else Verdict.FAILED
        return Judgement(case, verdict, mismatch.expected, mismatch.happened, "", exchange, seconds)

    def _play(self, case: Case, chance: Random, recorder: Recorder) -> Mismatch | None:
        given = given_of(case.given)
        session = self._sessions.take(given)
        patience = self._patience + (given.timeout if given.timeout < TIMEOUT_SECONDS else 0)
        script = Script(session, recorder, chance, patience)
        poll, mismatch, unspoiled = None, None, False
        try:
            poll = script.play(case.steps)
            unspoiled = True
        except Mismatch as error:
            mismatch = error
        finally:
            script.close()
            self._sessions.give_back(given, Session(session.server, poll), unspoiled=unspoiled)
        return mismatch

    def _why_not(self, case: Case) -> str | None:
        if self._template is None:
            return why_not(case)
        given = given_of(case.given)
        if given.extensions and not self._template.has("opt"):
            return "needs {opt} in the template: a folder that the server takes for /opt"
        if given.command is not None and not self._template.has("bootstrap"):
            return "needs {bootstrap} in the template: another command stands in its place"
        return None

    def _missing(self, feature: str) -> str | None:
        """Why the server does not have a feature; None when it has."""
        with self._probing:
            if feature not in self._features:
                self._features[feature] = self._probe(feature)
            return self._features[feature]

    def _probe(self, feature: str) -> str | None:
        probe = PROBES[feature]
        try:
            session = self._sessions.take(probe.given)
        except AssertionError as error:
            return f"{error} with {dict(probe.given.env)}"
        script = Script(session, Recorder(), Random(0), self._patience)
        try:
            if probe.steps:
                script.play(probe.steps)
                return None
            return missing(*script.probe(probe.request, to_invoke=probe.to_invoke))
        except Mismatch as error:
            return f"{error.expected}; {error.happened}"
        finally:
            script.close()
            self._sessions.give_back(probe.given, session, unspoiled=False)
