"""What a caller of Invoke is told: every constraint of the model that its request breaks, before all else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from runtime_api.engine.invoker import Invoker, InvokeRequest
from runtime_api.protocol.limits import CURRENT
from runtime_api.service.errors import ResourceNotFoundException, ServiceError, ValidationException
from runtime_api.store.memory_catalog import MemoryCatalog
from tests.service.versions import a_record

if TYPE_CHECKING:
    from runtime_api.service.seams.dispatch import Dispatch
    from runtime_api.service.seams.event_queue import EventQueue

PATTERN = "failed to satisfy constraint: Member must satisfy regular expression pattern"
LENGTH = "failed to satisfy constraint: Member must have length less than or equal to 128"
ENUM = "failed to satisfy constraint: Member must satisfy enum value set"


def refusal(request: InvokeRequest) -> ServiceError:
    """How a request is refused where there is one function, `f`."""
    catalog = MemoryCatalog()
    asyncio.run(catalog.put(a_record("f"), None))
    invoker = Invoker(catalog, cast("Dispatch", None), cast("EventQueue", None), CURRENT)  # nothing is run
    with pytest.raises(ServiceError) as refused:
        invoker.check(request)
    return refused.value


@pytest.mark.parametrize(
    ("request_", "texts"),
    [
        (InvokeRequest("*"), [f"Value '*' at 'functionName' {PATTERN}"]),
        (
            InvokeRequest("arn:aws:lambda:us-east-1:123456789012:function:f:1:2"),
            [f":f:1:2' at 'functionName' {PATTERN}"],
        ),
        (InvokeRequest("f", qualifier="a" * 129), [f"'{'a' * 129}' at 'qualifier' {LENGTH}"]),
        (InvokeRequest("!", qualifier="?"), [f"'!' at 'functionName' {PATTERN}", f"'?' at 'qualifier' {PATTERN}"]),
        (InvokeRequest("f", type="Later"), [f"'Later' at 'invocationType' {ENUM}"]),
        (InvokeRequest("f", log_type="Head"), [f"'Head' at 'logType' {ENUM}"]),
        (InvokeRequest("g", type="Later"), [f"'Later' at 'invocationType' {ENUM}"]),
    ],
)
def test_every_constraint_that_a_request_breaks_is_told(request_: InvokeRequest, texts: list[str]) -> None:
    error = refusal(request_)
    assert isinstance(error, ValidationException)
    plural = "s" if len(texts) > 1 else ""
    assert error.message.startswith(f"{len(texts)} validation error{plural} detected: ")
    assert all(text in error.message for text in texts)


def test_what_keeps_the_constraints_may_not_be_there() -> None:
    error = refusal(InvokeRequest("f", qualifier="$latest"))
    assert isinstance(error, ResourceNotFoundException)
    assert error.message == "Function not found: arn:aws:lambda:us-east-1:123456789012:function:f:$latest"
    mismatch = "The derived qualifier from the function name does not match the specified qualifier."
    assert refusal(InvokeRequest("f:$LATEST", qualifier="1")).message == mismatch
