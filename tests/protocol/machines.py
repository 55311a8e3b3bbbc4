"""Machines that have come to a certain point, and readers of effects."""

from __future__ import annotations

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.settings import FunctionSettings

__all__ = ["EPOCH", "answered", "invocation", "invoke", "outcome", "ready", "records", "refusal", "running"]

EPOCH = 1_700_000_000_000


def invocation(request_id: str = "r1") -> ev.Invocation:
    return ev.Invocation(request_id, f"delivery-of-{request_id}", "arn", b'{"a":1}', "Root=1")


def invoke(request_id: str = "r1") -> ev.Invoke:
    return ev.Invoke(invocation(request_id), EPOCH)


def ready(settings: FunctionSettings | None = None) -> EnvironmentMachine:
    """A machine whose runtime has come to its first /next (call 1) at 100 ms."""
    machine = EnvironmentMachine(settings or FunctionSettings("f"))
    machine.receive(ev.Initialise(), 0)
    machine.receive(ev.NextCalled(1), 100)
    return machine


def running(settings: FunctionSettings | None = None) -> EnvironmentMachine:
    """A machine whose runtime has been given invocation r1 at 1000 ms."""
    machine = ready(settings)
    machine.receive(invoke(), 1000)
    return machine


def answered(settings: FunctionSettings | None = None) -> EnvironmentMachine:
    """A machine whose runtime has answered r1 and is not back in /next."""
    machine = running(settings)
    machine.receive(ev.ResponseStarted(2, "r1"), 1010)
    machine.receive(ev.BodyFinished(2, b"out"), 1010)
    return machine


def refusal(effects: list[fx.Effect]) -> tuple[int, str, str]:
    (effect,) = [effect for effect in effects if isinstance(effect, fx.Refuse)]
    return tuple(effect.refusal)  # type: ignore[return-value]


def outcome(effects: list[fx.Effect]) -> fx.Outcome:
    (effect,) = [effect for effect in effects if isinstance(effect, fx.Complete)]
    return effect.outcome


def records(effects: list[fx.Effect]) -> list[log.Record]:
    return [record for effect in effects if isinstance(effect, fx.Emit) for record in effect.records]
