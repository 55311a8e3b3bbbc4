"""Random sequences of operations beside a small model of the rules, with restarts in between.

The account that they are performed on is that of the rules alone, or that of the whole service on a disk.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runtime_api.service.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
)
from tests.e2e.packages import package
from tests.service.account import ARN, ROLE, Account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.function_record import Function

__all__ = ["Operations", "Performer"]

NAMES = st.sampled_from(["f", "g", "f-1"])
ALIASES = st.sampled_from(["live", "next"])
CODES = st.sampled_from([package({"code": "1" * size}) for size in (1, 2, 3)])
DESCRIPTIONS = st.sampled_from(["", "one", "two"])
LAYERS = st.sampled_from(["l", "m"])


class Modelled:
    """What a caller must find of one function."""

    def __init__(self, code: bytes, description: str, number: int) -> None:
        self.latest = (code, description)
        self.versions: dict[str, tuple[bytes, str]] = {}
        self.next_number = number
        self.aliases: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.share: int | None = None
        self.statements: list[str] = []


class Performer(Protocol):
    """What performs operations."""

    @property
    def functions(self) -> Mapping[str, Function]:
        """Return the functions of the caller, by name."""

    def perform(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Perform an operation, and let what it began come to its end."""


class Operations(RuleBasedStateMachine):
    """Performs each operation on the account and on the model."""

    def __init__(self) -> None:
        super().__init__()
        self.account = self.opened()
        self.model: dict[str, Modelled] = {}
        self.numbers: dict[str, int] = {}  # of functions that are gone
        self.layers: dict[str, list[int]] = {}
        self.next_layers: dict[str, int] = {}

    def opened(self) -> Performer:
        """Make an account in which there is nothing."""
        return Account()

    def restarted(self, account: Performer) -> Performer:
        """Return what a restart leaves of an account."""
        raise NotImplementedError

    def refused(self, error: type[ServiceError], operation: str, **parameters: Any) -> None:
        """Nothing but this error, and nothing changes."""
        before = dict(self.account.functions)
        with contextlib.suppress(error):
            self.account.perform(operation, **parameters)
            raise AssertionError(f"{operation} of {parameters} was not refused")
        assert dict(self.account.functions) == before

    @rule(name=NAMES, code=CODES, description=DESCRIPTIONS, publish=st.booleans())
    def create(self, name: str, code: bytes, description: str, publish: bool) -> None:
        given: dict[str, Any] = {"FunctionName": name, "Runtime": "python3.12", "Handler": "h", "Role": ROLE}
        given |= {"Code": {"ZipFile": code}, "Description": description, "Publish": publish}
        if name in self.model:
            self.refused(ResourceConflictException, "CreateFunction", **given)
            return
        self.account.perform("CreateFunction", **given)
        self.model[name] = Modelled(code, description, self.numbers.get(name, 1))
        if publish:
            self._publish(self.model[name])

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name not in self.model:
            self.refused(ResourceNotFoundException, "DeleteFunction", FunctionName=name)
            return
        self.account.perform("DeleteFunction", FunctionName=name)
        self.numbers[name] = self.model.pop(name).next_number

    @rule(name=NAMES, code=CODES, publish=st.booleans())
    def update_code(self, name: str, code: bytes, publish: bool) -> None:
        given: dict[str, Any] = {"FunctionName": name, "ZipFile": code, "Publish": publish}
        if name not in self.model:
            self.refused(ResourceNotFoundException, "UpdateFunctionCode", **given)
            return
        self.account.perform("UpdateFunctionCode", **given)
        model = self.model[name]
        model.latest = (code, model.latest[1])
        if publish:
            self._publish(model)

    @rule(name=NAMES, description=DESCRIPTIONS)
    def update_configuration(self, name: str, description: str) -> None:
        given: dict[str, Any] = {"FunctionName": name, "Description": description}
        if name not in self.model:
            self.refused(ResourceNotFoundException, "UpdateFunctionConfiguration", **given)
            return
        self.account.perform("UpdateFunctionConfiguration", **given)
        self.model[name].latest = (self.model[name].latest[0], description)

    @rule(name=NAMES)
    def publish(self, name: str) -> None:
        if name not in self.model:
            self.refused(ResourceNotFoundException, "PublishVersion", FunctionName=name)
            return
        answer = self.account.perform("PublishVersion", FunctionName=name)
        assert answer["Version"] == self._publish(self.model[name])

    def _publish(self, model: Modelled) -> str:
        last = next(reversed(model.versions), None)
        if last is not None and model.versions[last] == model.latest:
            return last
        number = str(model.next_number)
        model.next_number += 1
        model.versions[number] = model.latest
        return number

    @rule(name=NAMES, number=st.integers(1, 4))
    def delete_version(self, name: str, number: int) -> None:
        given: dict[str, Any] = {"FunctionName": name, "Qualifier": str(number)}
        if name not in self.model:
            self.refused(ResourceNotFoundException, "DeleteFunction", **given)
        elif str(number) in self.model[name].aliases.values():
            self.refused(ResourceConflictException, "DeleteFunction", **given)
        else:
            self.account.perform("DeleteFunction", **given)
            self.model[name].versions.pop(str(number), None)

    @rule(name=NAMES, alias=ALIASES, number=st.integers(1, 4))
    def point(self, name: str, alias: str, number: int) -> None:
        given: dict[str, Any] = {"FunctionName": name, "Name": alias, "FunctionVersion": str(number)}
        if name not in self.model or str(number) not in self.model[name].versions:
            operation = "UpdateAlias" if name in self.model and alias in self.model[name].aliases else "CreateAlias"
            self.refused(ResourceNotFoundException, operation, **given)
            return
        model = self.model[name]
        self.account.perform("UpdateAlias" if alias in model.aliases else "CreateAlias", **given)
        model.aliases[alias] = str(number)

    @rule(name=NAMES, alias=ALIASES)
    def delete_alias(self, name: str, alias: str) -> None:
        if name in self.model:
            self.account.perform("DeleteAlias", FunctionName=name, Name=alias)
            self.model[name].aliases.pop(alias, None)

    @rule(name=NAMES, tag=ALIASES, value=DESCRIPTIONS)
    def tag(self, name: str, tag: str, value: str) -> None:
        given: dict[str, Any] = {"Resource": f"{ARN}{name}", "Tags": {tag: value}}
        if name not in self.model:
            self.refused(ResourceNotFoundException, "TagResource", **given)
            return
        self.account.perform("TagResource", **given)
        self.model[name].tags[tag] = value

    @rule(name=NAMES, share=st.sampled_from([0, 450, 901]))
    def reserve(self, name: str, share: int) -> None:
        given: dict[str, Any] = {"FunctionName": name, "ReservedConcurrentExecutions": share}
        others = sum(model.share or 0 for each, model in self.model.items() if each != name)
        if name not in self.model:
            self.refused(ResourceNotFoundException, "PutFunctionConcurrency", **given)
        elif others + share > 900:
            self.refused(InvalidParameterValueException, "PutFunctionConcurrency", **given)
        else:
            self.account.perform("PutFunctionConcurrency", **given)
            self.model[name].share = share

    @rule(name=NAMES, statement=ALIASES)
    def permit(self, name: str, statement: str) -> None:
        given: dict[str, Any] = {"FunctionName": name, "StatementId": statement}
        permission = {"Action": "lambda:InvokeFunction", "Principal": "*"}
        if name not in self.model:
            self.refused(ResourceNotFoundException, "AddPermission", **given, **permission)
        elif statement in self.model[name].statements:
            self.refused(ResourceConflictException, "AddPermission", **given, **permission)
        else:
            self.account.perform("AddPermission", **given, **permission)
            self.model[name].statements.append(statement)

    @rule(name=NAMES, statement=ALIASES)
    def forbid(self, name: str, statement: str) -> None:
        given: dict[str, Any] = {"FunctionName": name, "StatementId": statement}
        if name not in self.model or statement not in self.model[name].statements:
            self.refused(ResourceNotFoundException, "RemovePermission", **given)
        else:
            self.account.perform("RemovePermission", **given)
            self.model[name].statements.remove(statement)

    @rule(layer=LAYERS, content=CODES)
    def publish_layer(self, layer: str, content: bytes) -> None:
        number = self.next_layers.setdefault(layer, 1)
        published = self.account.perform("PublishLayerVersion", LayerName=layer, Content={"ZipFile": content})
        assert published["Version"] == number
        self.layers.setdefault(layer, []).append(number)
        self.next_layers[layer] = number + 1

    @rule(layer=LAYERS, number=st.integers(1, 3))
    def delete_layer(self, layer: str, number: int) -> None:
        self.account.perform("DeleteLayerVersion", LayerName=layer, VersionNumber=number)
        with contextlib.suppress(ValueError):
            self.layers.get(layer, []).remove(number)

    @rule()
    def restart(self) -> None:
        self.account = self.restarted(self.account)

    @rule(name=NAMES, code=CODES)
    def come_again(self, name: str, code: bytes) -> None:
        """A function that is made anew after a restart goes on with the numbers of the one before it."""
        self.delete(name)
        self.restart()
        self.create(name, code, "", True)

    @invariant()
    def functions_are_as_the_model_says(self) -> None:
        listed = self.account.perform("ListFunctions")["Functions"]
        assert [each["FunctionName"] for each in listed] == sorted(self.model)
        for name, model in self.model.items():
            shown = self.account.perform("ListVersionsByFunction", FunctionName=name)["Versions"]
            found = {each["Version"]: (each["CodeSize"], each["Description"]) for each in shown}
            versions = {"$LATEST": model.latest, **model.versions}
            assert found == {number: (len(code), text) for number, (code, text) in versions.items()}
            aliases = self.account.perform("ListAliases", FunctionName=name)["Aliases"]
            assert {each["Name"]: each["FunctionVersion"] for each in aliases} == model.aliases
            assert self.account.perform("ListTags", Resource=f"{ARN}{name}")["Tags"] == model.tags
            share = self.account.perform("GetFunctionConcurrency", FunctionName=name)
            assert share.get("ReservedConcurrentExecutions") == model.share
            assert self._statements(name) == model.statements

    def _statements(self, name: str) -> list[str]:
        try:
            policy = json.loads(self.account.perform("GetPolicy", FunctionName=name)["Policy"])
        except ResourceNotFoundException:
            return []
        return [statement["Sid"] for statement in policy["Statement"]]

    @invariant()
    def layers_are_as_the_model_says(self) -> None:
        for layer, numbers in self.layers.items():
            shown = self.account.perform("ListLayerVersions", LayerName=layer)["LayerVersions"]
            assert [each["Version"] for each in shown] == list(reversed(numbers))
