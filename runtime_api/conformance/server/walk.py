"""A step that walks at random through `cases/states.json`, and judges each call by that table alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from .steps import http, invoker, processes, runtime

if TYPE_CHECKING:
    from .case_run import CaseRun

__all__ = ["STATES", "walk"]

STATES: Any = orjson.loads((Path(__file__).parents[1] / "cases" / "states.json").read_bytes())
WRONG_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
PATHS = {
    "next": "/2018-06-01/runtime/invocation/next",
    "init/error": "/2018-06-01/runtime/init/error",
    "response": "/2018-06-01/runtime/invocation/{id}/response",
    "error": "/2018-06-01/runtime/invocation/{id}/error",
}
TYPES = {400: "InvalidRequestID", 403: "InvalidStateTransition"}
HALF = "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12"


def walk(run: CaseRun, *, steps: int) -> None:
    """Take that many steps, starting in the init phase of a runtime with an invocation pending."""
    invoker.invoke(run)
    processes.puppet(run)
    walker = _Walker(run)
    for _ in range(steps):
        walker.step()
    walker.rest()


class _Walker:
    def __init__(self, run: CaseRun) -> None:
        self._run = run
        self._state: str = STATES["start"]
        self._invoked = True  # whether an invocation is pending
        self._body = ""  # the response that the caller of the running invocation has to receive

    def step(self) -> None:
        """Make one of the calls of the present state, or one of its events happen."""
        cells = STATES["states"][self._state]
        # With two polls it is open which of them receives the event, and from InitError there is no way on.
        unlikely = {("Ready", "next"): 0, ("Started", "init/error"): 1}
        weights = [unlikely.get((self._state, name), 4) for name in cells]
        name = self._run.rng.choices(list(cells), weights)[0]
        if name in ("response", "error") and self._run.rng.random() < 0.25:
            self._call(name, {"answer": 400}, WRONG_ID)
            return
        cell = cells[name]
        if name.startswith("["):
            self._happen(name)
        elif cell["answer"] == "waits":
            self._wait()
        else:
            self._call(name, cell)
        self._state = cell.get("to", self._state)
        if self._state == "Ready" and self._invoked:
            self._state = "Running"

    def rest(self) -> None:
        """Leave the runtime waiting for an event, where that is possible."""
        if self._state.startswith("Invocation"):
            self._happen("[body ends]")
            self._state = "RuntimeResponseSentState"
        if self._state == "Running":
            self._call("response", {"answer": 202})
            self._state = "RuntimeResponseSentState"
        if self._state == "RuntimeResponseSentState":
            self._wait()

    def _wait(self) -> None:
        if self._invoked and self._state == "Started":
            runtime.next_event(self._run)
            return
        runtime.park(self._run)
        if self._body:
            http.answer(self._run, want={"status": 200, "body": self._body})
        self._invoked, self._body = False, ""

    def _happen(self, name: str) -> None:
        run = self._run
        if name == "[event]":
            invoker.invoke(run)
            runtime.event(run)
            self._invoked = True
        elif name == "[body ends]":
            http.raw(run, on="half", text="34")
            http.answer(run, on="half", want={"status": 202})
            self._body = "1234"
        else:
            path = PATHS[name.strip("[]").removeprefix("begin ")]
            http.raw(run, on="half", text=run.filled(HALF.replace("{path}", path)))
            http.answer(run, on="half", want={"silent": True})

    def _call(self, name: str, cell: dict[str, Any], request_id: str | None = None) -> None:
        path = PATHS[name].replace("{id}", request_id) if request_id else self._run.filled(PATHS[name])
        answer = cell["answer"]
        want: dict[str, Any] = {"status": 200 if answer == "event" else answer}
        if answer in TYPES:
            want["refusal"] = TYPES[answer]
        body = f'"{self._run.rng.random()}"'
        post = {"method": "POST", "body": body} if name != "next" else {}
        http.call(self._run, on="walk", path=path, want=want, **post)
        if answer == 202 and name != "init/error":
            self._body = body
