"""A walk at random through `cases/states.json`: each call is judged by what stands there, and by nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .script import Script

__all__ = ["STATES", "walk"]

STATES: Any = json.loads((Path(__file__).parents[1] / "cases" / "states.json").read_text("utf-8"))
WRONG_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
PATHS = {
    "next": "/2018-06-01/runtime/invocation/next",
    "init/error": "/2018-06-01/runtime/init/error",
    "response": "/2018-06-01/runtime/invocation/{id}/response",
    "error": "/2018-06-01/runtime/invocation/{id}/error",
}
TYPES = {400: "InvalidRequestID", 403: "InvalidStateTransition"}
HALF = "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12"


def walk(script: Script, steps: int) -> None:
    """Begin with a runtime that is being initialised for an invocation, and take so many steps."""
    script.do_invoke()
    script.do_puppet()
    walker = _Walker(script)
    for _ in range(steps):
        walker.step()
    walker.rest()


class _Walker:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._state: str = STATES["start"]
        self._invoked = True  # whether an invocation waits for the runtime
        self._body = ""  # what the caller of the invocation that runs has to get

    def step(self) -> None:
        """One call, or one event, of those that the state has."""
        cells = STATES["states"][self._state]
        # Which of two polls gets an event is open, and a runtime that has failed to start has no further way to go.
        unlikely = {("Ready", "next"): 0, ("Started", "init/error"): 1}
        weights = [unlikely.get((self._state, name), 4) for name in cells]
        name = self._script.chance.choices(list(cells), weights)[0]
        if name in ("response", "error") and self._script.chance.random() < 0.25:
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
        """Leave the runtime waiting, where that is possible."""
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
            self._script.do_next()
            return
        self._script.do_park()
        if self._body:
            self._script.do_answer(want={"status": 200, "body": self._body})
        self._invoked, self._body = False, ""

    def _happen(self, name: str) -> None:
        script = self._script
        if name == "[event]":
            script.do_invoke()
            script.do_event()
            self._invoked = True
        elif name == "[body ends]":
            script.do_raw(on="half", text="34")
            script.do_answer(on="half", want={"status": 202})
            self._body = "1234"
        else:
            path = PATHS[name.strip("[]").removeprefix("begin ")]
            script.do_raw(on="half", text=script.filled(HALF.replace("{path}", path)))
            script.do_answer(on="half", want={"silent": True})

    def _call(self, name: str, cell: dict[str, Any], request_id: str | None = None) -> None:
        path = PATHS[name].replace("{id}", request_id) if request_id else self._script.filled(PATHS[name])
        answer = cell["answer"]
        want: dict[str, Any] = {"status": 200 if answer == "event" else answer}
        if answer in TYPES:
            want["refusal"] = TYPES[answer]
        body = f'"{self._script.chance.random()}"'
        post = {"method": "POST", "body": body} if name != "next" else {}
        self._script.do_call(on="walk", path=path, want=want, **post)
        if answer == 202 and name != "init/error":
            self._body = body
