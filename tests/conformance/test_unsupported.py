"""What the conformance handler says it does not support is UNIMPLEMENTED, and hides no deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from runtime_api.conformance.runtime.calls import Call
from runtime_api.conformance.runtime.expect import why_unsupported

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

WANTS_TITLE = {"do": "result", "want": {"body": {"has": {"client_title": "My App"}}}}


def answered(body: bytes) -> Call:
    writer = cast("asyncio.StreamWriter", None)
    return Call(writer, 1, "POST", "/2018-06-01/runtime/invocation/1/response", "response", "", (), body)


@pytest.mark.parametrize(
    ("step", "body", "wrong", "why"),
    [
        (WANTS_TITLE, b'{ "unsupported" : "context"}', "it differs", "does not support the command context"),
        ({"do": "result"}, b'{"unsupported":"raise"}', None, "does not support the command raise"),
        (WANTS_TITLE, b'{"request_id":"1","unsupported":["client_title"]}', "it is missing", "client_title"),
        (WANTS_TITLE, b'{"unsupported":["client_title"]}', "it is missing", "client_title"),
    ],
)
def test_what_is_unsupported_is_named(step: Mapping[str, Any], body: bytes, wrong: str | None, why: str) -> None:
    assert why in (why_unsupported(step, answered(body), wrong) or "")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b'{"unsupported":["identity_id"]}', "client_title is missing"),
        (b'{"client_title":"My App","unsupported":["client_title"]}', None),
        (b'{"unsupported":"x","more":1}', "client_title is missing"),
        (b"unsupported", "the body is not JSON"),
    ],
)
def test_nothing_else_is_excused(body: bytes, wrong: str | None) -> None:
    assert why_unsupported(WANTS_TITLE, answered(body), wrong) is None
