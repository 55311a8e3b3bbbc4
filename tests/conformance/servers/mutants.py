"""Wrong servers, the mutants: each is bootjack with one small patch of its source, and breaks one requirement.

`mutants.json` contains most of them, `telemetry_mutants.json` those of the Telemetry and Logs APIs,
`stream_mutants.json` those of streamed responses, and `url_mutants.json` those of function URLs; those for the cells
of the table of states are made here: one mutant for each call that a state has to refuse. A patch replaces whole
lines that occur exactly once in their file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

__all__ = ["Mutant", "mutants"]

TABLES = ("mutants.json", "telemetry_mutants.json", "stream_mutants.json", "url_mutants.json")
RUNTIME = "runtime_api.protocol.runtime"
ASK = """\
        after = self._rows[self.state].get(move)
        if after is None:
            return invalid_transition("""
INVOCATIONS = "runtime_api.protocol.invocations"
CLAIM = "        attempt = self.begun.get(request_id)\n        if attempt is None:\n"
ACCEPT_MOVE = """\
        from .errors import Refusal

        if self.state.name in {states} and move.name == "{call}":
            return Refusal({status}, "OK", "OK")
"""
ACCEPT_ID = """\
        wrong = request_id not in self.begun
        if wrong and self._runtime.state.name in {states} and move.name == "{call}":
            return Refusal(202, "OK", "OK")
"""
# For each state in the ids of cases: its AWS name, and the machine's states of that name.
STATES = {
    "started": ("Started", ("STARTED",)),
    "init-error": ("InitError", ("INIT_ERROR",)),
    "ready": ("Ready", ("READY",)),
    "running": ("Running", ("RUNNING",)),
    "responding": ("InvocationResponse", ("RECEIVING_RESPONSE", "STUCK_RESPONSE")),
    "failing": ("InvocationErrorResponse", ("RECEIVING_ERROR", "STUCK_ERROR")),
    "responded": ("RuntimeResponseSentState", ("RESPONSE_SENT",)),
}
CALLS = {"next": "NEXT", "init-error": "INIT_ERROR", "response": "RESPONSE", "error": "ERROR"}
# What a server with SnapStart must refuse: the states of the machine, the call, and the case for it.
RESTORE_REFUSALS = (
    (("STARTED",), "RESTORE_ERROR", 202, "/restore/error is accepted in the init phase", "error-in-init"),
    (("RESTORING",), "RESTORE_NEXT", 200, "/restore/next is accepted during the restore", "restore-next-again"),
    (("RESTORE_ERROR",), "NEXT", 200, "/next is accepted after /restore/error", "after-the-error"),
    (("RUNNING",), "RESTORE_NEXT", 200, "/restore/next is accepted while running", "restore-next-while-running"),
)
WITHOUT_INVOCATION = ("started", "init-error", "ready")


class Mutant(NamedTuple):
    """One wrong server, and the case for the requirement that it breaks."""

    name: str
    case: str
    module: str
    old: str
    new: str


def mutants() -> list[Mutant]:
    """All mutants."""
    return _cells() + [mutant for name in TABLES for mutant in _read(name)]


def _read(name: str) -> list[Mutant]:
    tables = json.loads(Path(__file__).with_name(name).read_text("utf-8"))
    return [Mutant(**{**table, **{key: "\n".join(table[key]) for key in ("old", "new")}}) for table in tables]


def _cells() -> list[Mutant]:
    forbidden = {
        "next": ("init-error", "responding", "failing"),
        "init-error": ("init-error", "ready", "running", "responding", "failing", "responded"),
        "response": ("responding", "failing", "responded"),
        "error": ("responding", "failing", "responded"),
    }
    allowed = [_allowing(state, call) for call, states in forbidden.items() for state in states]
    ids = [_any_id(state, call) for state in STATES for call in ("response", "error")]
    return [*allowed, *ids, *_restore_cells()]


def _restore_cells() -> list[Mutant]:
    accepting = [
        Mutant(
            name,
            f"server/restore/{case}",
            RUNTIME,
            ASK,
            ACCEPT_MOVE.format(states=states, call=call, status=status) + ASK,
        )
        for states, call, status, name, case in RESTORE_REFUSALS
    ]
    any_id = ACCEPT_ID.format(states=("RESTORING",), call="RESPONSE") + CLAIM
    name = "/response accepts any request id during the restore"
    return [*accepting, Mutant(name, "server/restore/response-while-restoring", INVOCATIONS, CLAIM, any_id)]


def _allowing(state: str, call: str) -> Mutant:
    """A server that accepts a call which the state forbids."""
    name, states = STATES[state]
    new = ACCEPT_MOVE.format(states=states, call=CALLS[call], status=202) + ASK
    path = call.replace("init-error", "init/error")
    return Mutant(f"/{path} is accepted in the state {name}", f"server/states/{state}-{call}", RUNTIME, ASK, new)


def _any_id(state: str, call: str) -> Mutant:
    """A server that accepts any request id in one state."""
    name, states = STATES[state]
    new = ACCEPT_ID.format(states=states, call=CALLS[call]) + CLAIM
    case = f"server/states/{state}-{call}" + ("" if state in WITHOUT_INVOCATION else "-of-another-id")
    return Mutant(f"/{call} accepts any request id in the state {name}", case, INVOCATIONS, CLAIM, new)
