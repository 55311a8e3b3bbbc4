"""Subscriptions to telemetry in a world: who may have one, when, and what must come of it (spec 8)."""

from __future__ import annotations

from typing import Any

import orjson

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.extensions import process_name
from runtime_api.protocol.starting import RUNTIME
from runtime_api.protocol.subscriptions import TelemetryApi

from .extension_world import ExtensionWorld

__all__ = ["TelemetryWorld"]

SCHEMAS = {TelemetryApi.TELEMETRY: "2022-12-13", TelemetryApi.LOGS: "2021-03-18"}
CONCURRENT_SCHEMA = "2025-01-29"
DESTINATION = {"protocol": "TCP", "port": 4243}


class TelemetryWorld(ExtensionWorld):
    """A world whose extensions subscribe to telemetry."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.subscribed: dict[str, TelemetryApi] = {}  # by extension

    def perform(self, effect: fx.Effect) -> None:
        if isinstance(effect, fx.Subscribe):
            self.answer(effect.call)
        else:
            super().perform(effect)

    def forget(self) -> None:
        super().forget()
        self.subscribed.clear()

    def call_subscribe(self) -> None:
        """An extension subscribes, or somebody else does; once in a while with a body that is no subscription."""
        api = TelemetryApi.TELEMETRY if self.oracle.concurrent else self.dice.choice(list(TelemetryApi))
        types = self.dice.choice((["platform"], ["function", "extension"], ["gossip"]))
        document = {"types": types, "destination": DESTINATION, "schemaVersion": self.schema(api)}
        identifier = self.any_identifier()
        event = ev.SubscribeCalled(self.new_call(), identifier, api, orjson.dumps(document))
        expected = self.subscription_refusal(identifier, api, types)
        if expected is not None:
            self.expect_extension_refusal(event, expected)
            return
        extension = self.identified(identifier)
        assert extension is not None
        self.subscribed[extension.name] = api
        effects = self.tell(event)
        self.require(len(effects) == 2, f"a subscription asks for {effects}")
        record = log.TelemetrySubscription(api, extension.name, tuple(types))
        self.require(effects[0] == fx.Emit((record,)), "a subscription is told of first")
        begun = effects[1]
        assert isinstance(begun, fx.Subscribe)
        process = RUNTIME if extension.internal else process_name(extension.name)
        self.require((begun.extension, begun.process) == (extension.name, process), f"{begun} is another's")
        self.require(begun.subscription.types == tuple(types), f"{begun} gets other records")

    def schema(self, api: TelemetryApi) -> str:
        return CONCURRENT_SCHEMA if self.oracle.concurrent else SCHEMAS[api]

    def subscription_refusal(self, identifier: str, api: TelemetryApi, types: list[str]) -> str | None:
        """The text of the refusal, if there is one."""
        extension = self.identified(identifier)
        if extension is None:
            return f"Unknown extension {identifier}"
        if "gossip" in types:
            return "types should be of platform, function, extension, and not 'gossip'"
        first = self.subscribed.get(extension.name, api)
        if first is not api:
            return f"the extension has subscribed with the {first.value} API already"
        return None if self.initialising else f"{api.value} API subscription is closed"
