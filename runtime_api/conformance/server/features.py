"""Which optional parts of the API a server has: each is tried once, while the runtime is being initialised."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .launching import Given

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROBES", "Probe", "missing"]

ABSENT = (404, 405, 501)
MANAGED = Given(env=(("AWS_LAMBDA_MAX_CONCURRENCY", "4"),))
RESTORED = Given(env=(("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),))
REQUEST_LESS: Mapping[str, Any] = MappingProxyType({})


class Probe(NamedTuple):
    """One request, whose answer says whether the feature is there; or steps that can only be played where it is."""

    request: Mapping[str, Any] = REQUEST_LESS
    given: Given = Given()
    to_invoke: bool = False
    steps: tuple[Mapping[str, Any], ...] = ()


PROBES: Mapping[str, Probe] = MappingProxyType(
    {
        "extensions": Probe({"method": "POST", "path": "/2020-01-01/extension/register", "body": "{}"}),
        "telemetry": Probe({"method": "PUT", "path": "/2022-07-01/telemetry", "body": "{}"}),
        "logs": Probe({"method": "PUT", "path": "/2020-08-15/logs", "body": "{}"}),
        "metadata": Probe({"path": "/2026-01-15/metadata/execution-environment"}),
        "restore": Probe({"method": "POST", "path": "/2018-06-01/runtime/restore/error", "body": "{}"}, RESTORED),
        "response-stream": Probe(
            {"method": "POST", "path": "/2021-11-15/functions/function/response-streaming-invocations", "body": "["},
            to_invoke=True,
        ),
        # Where one invocation runs at a time, a second poll gets the same event at once.
        "managed": Probe(
            given=MANAGED,
            steps=(
                {"do": "invoke"},
                {"do": "puppet"},
                {"do": "next"},
                {"do": "park", "on": "second"},
                {"do": "answer", "on": "second", "want": {"silent": True}},
            ),
        ),
    }
)


def missing(status: int, body: bytes) -> str | None:
    """Why a feature counts as not there; None when the answer shows that it is."""
    if status in ABSENT:
        return f"the server answers {status}"
    if status == 202 and b"NotSupported" in body:
        return "the server answers 202, not supported"
    return None
