"""Subscriptions as the machine judges them: who asks, when, and with which of the two APIs."""

from __future__ import annotations

import orjson
import pytest

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.registration import Registration
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.subscriptions import TelemetryApi

TELEMETRY, LOGS = TelemetryApi.TELEMETRY, TelemetryApi.LOGS
BODY = orjson.dumps(
    {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": {"protocol": "TCP", "port": 4000}}
)
LOGS_BODY = orjson.dumps({"types": ["function"], "destination": {"protocol": "TCP", "port": 4000}})


def initialising(*external: str) -> EnvironmentMachine:
    """A machine in its init phase; an extension named `name` has the identifier `id of name`."""
    machine = EnvironmentMachine(FunctionSettings("f"))
    machine.receive(ev.Initialise(external), 0)
    for name in external:
        register(machine, name)
    return machine


def register(machine: EnvironmentMachine, name: str) -> None:
    (registered, *_) = machine.receive(ev.RegisterCalled("call", Registration(name), f"id of {name}"), 0)
    assert isinstance(registered, fx.Registered)


def ask(machine: EnvironmentMachine, name: str, api: TelemetryApi = TELEMETRY, body: bytes = BODY) -> list[fx.Effect]:
    return machine.receive(ev.SubscribeCalled("subscribe", f"id of {name}", api, body), 0)


def refused(effects: list[fx.Effect]) -> tuple[int, str, str]:
    (refusal,) = effects
    assert isinstance(refusal, fx.Refuse)
    return refusal.refusal


def test_a_subscription_is_recorded_before_deliveries_begin() -> None:
    emitted, subscribed = ask(initialising("one"), "one")
    assert emitted == fx.Emit((log.TelemetrySubscription(TELEMETRY, "one", ("platform",)),))
    assert isinstance(subscribed, fx.Subscribe)
    assert (subscribed.extension, subscribed.process) == ("one", "extensions/one")
    assert subscribed.subscription.destination.port == 4000


def test_an_internal_extension_is_part_of_the_runtime() -> None:
    machine = initialising()
    register(machine, "inner")
    subscribed = ask(machine, "inner", LOGS, LOGS_BODY)[1]
    assert isinstance(subscribed, fx.Subscribe)
    assert subscribed.process == "runtime"


def test_nobody_else_may_subscribe() -> None:
    machine = initialising("one")
    unknown = (403, "Extension.UnknownExtensionIdentifier", "Unknown extension id of two")
    assert refused(ask(machine, "two")) == unknown
    assert refused(ask(machine, "two", body=b"nonsense")) == unknown


def test_a_body_is_judged_before_the_time() -> None:
    machine = initialising()
    register(machine, "inner")
    register(machine, "other")
    machine.receive(ev.EventNextCalled("other's event", "id of other"), 1)
    machine.receive(ev.NextCalled("next"), 1)
    assert len(ask(machine, "inner")) == 2  # the extension has not called event/next: the init goes on
    machine.receive(ev.EventNextCalled("event", "id of inner"), 2)
    status, error_type, _ = refused(ask(machine, "inner", body=b"nonsense"))
    assert (status, error_type) == (400, "ValidationError")
    for api, body in ((TELEMETRY, BODY), (LOGS, LOGS_BODY)):
        message = f"{api.value} API subscription is closed"
        assert refused(ask(machine, "other", api, body)) == (403, f"{api.value}.SubscriptionClosed", message)


@pytest.mark.parametrize(("first", "second"), [(TELEMETRY, LOGS), (LOGS, TELEMETRY)])
def test_an_extension_keeps_to_one_api(first: TelemetryApi, second: TelemetryApi) -> None:
    bodies = {TELEMETRY: BODY, LOGS: LOGS_BODY}
    machine = initialising("one", "two")
    assert len(ask(machine, "one", first, bodies[first])) == 2
    assert len(ask(machine, "one", first, bodies[first])) == 2
    status, _, message = refused(ask(machine, "one", second, bodies[second]))
    assert (status, message) == (400, f"the extension has subscribed with the {first.value} API already")
    assert len(ask(machine, "two", second, bodies[second])) == 2
