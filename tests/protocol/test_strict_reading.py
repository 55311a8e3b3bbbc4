"""The rule behind a refusal: there is one wherever the refusal itself only names states."""

from __future__ import annotations

import pytest

from runtime_api.protocol.errors import (
    INVALID_REQUEST_ID,
    REGISTRATION_CLOSED,
    UNKNOWN_IDENTIFIER,
    invalid_transition,
)
from runtime_api.protocol.extension_states import EXTENSION, ExtensionMove, ExtensionState
from runtime_api.protocol.states import CLASSIC, CONCURRENT, SNAPSTART, RuntimeState
from runtime_api.protocol.strict_reading import broken_rule

RUNTIME_STATES = {state for tables in (CLASSIC, CONCURRENT, SNAPSTART) for state in tables.runtime}
CALLING = [state for state, row in EXTENSION.items() if row and state is not ExtensionState.EXITED]


@pytest.mark.parametrize("state", sorted(RUNTIME_STATES))
def test_each_state_of_a_runtime_has_a_rule(state: RuntimeState) -> None:
    refusal = invalid_transition(state, RuntimeState.READY)
    assert broken_rule(refusal.error_type, state)


@pytest.mark.parametrize("state", CALLING)
def test_each_state_of_an_extension_that_may_call_has_a_rule(state: ExtensionState) -> None:
    assert ExtensionMove.EXIT in EXTENSION[state]
    assert broken_rule("Extension.InvalidExtensionState", state)


@pytest.mark.parametrize(
    ("refusal", "named"),
    [
        (INVALID_REQUEST_ID, "Lambda-Runtime-Aws-Request-Id"),
        (REGISTRATION_CLOSED, "before the runtime's first GET /invocation/next"),
        (UNKNOWN_IDENTIFIER, "Lambda-Extension-Identifier"),
    ],
    ids=lambda value: getattr(value, "error_type", ""),
)
def test_the_rule_of_a_refusal_names_what_the_call_lacks(refusal: object, named: str) -> None:
    rule = broken_rule(refusal.error_type, RuntimeState.RUNNING)  # type: ignore[attr-defined]
    assert rule is not None
    assert named in rule


def test_a_refusal_that_says_it_all_gets_no_rule() -> None:
    assert broken_rule("ForbiddenHost", RuntimeState.RUNNING) is None
