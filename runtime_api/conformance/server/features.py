"""Detects which optional parts of the API a server has, with one probe for each, in the init phase of a runtime."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .expect import Observed
from .script import run_steps
from .steps import invoker
from .template import Given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .case_run import CaseRun

__all__ = ["PROBES", "Probe", "why_missing"]

ABSENT = (404, 405, 501)
MANAGED = Given(env=(("AWS_LAMBDA_MAX_CONCURRENCY", "4"),))
RESTORED = Given(env=(("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),))
NO_REQUEST: Mapping[str, Any] = MappingProxyType({})


class Probe(NamedTuple):
    """A request whose answer shows whether a server has a feature, or steps that only succeed with the feature."""

    request: Mapping[str, Any] = NO_REQUEST
    given: Given = Given()
    to_invoke: bool = False
    starts_runtime: bool = False  # whether a runtime that starts before the answer shows that the server has it
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
        "function-url": Probe(
            {"method": "GET", "path": "/lambda-url/{name}/", "body": False}, to_invoke=True, starts_runtime=True
        ),
        # A server that runs one invocation at a time answers a second poll at once, with the same event.
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


def why_missing(run: CaseRun, probe: Probe) -> str | None:
    """Why the server does not have a feature; None when it has. Mismatch when the probe's steps fail."""
    if probe.steps:
        run_steps(run, probe.steps)
        return None
    status, body = _answer(run, probe)
    if status in ABSENT:
        return f"the server answers {status}"
    if status == 202 and b"NotSupported" in body:
        return "the server answers 202, not supported"
    return None


def _answer(run: CaseRun, probe: Probe) -> tuple[int, bytes]:
    if probe.to_invoke:
        invoker.invoke(run, **run.filled(probe.request))
        if probe.starts_runtime and run.server_starts_again(run.timeout_s):
            return 200, b""
        observed = run.observe("caller", run.timeout_s)
    else:
        run_steps(run, [{"do": "invoke"}, {"do": "puppet"}, {"do": "send", **probe.request}])
        observed = run.observe("call", run.timeout_s)
    return (observed.answer.status, observed.answer.body) if isinstance(observed, Observed) else (404, b"")
