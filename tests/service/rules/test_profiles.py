"""What a profile allows decides about functions: today's, and that of 2019."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.function_record import Code
from runtime_api.service.profiles import CURRENT, GUIDE_2019, Profile
from tests.service.account import Account

OLD = {"Runtime": "provided"}


def most(name: str, value: int) -> str:
    return f"'{name}' value failed to satisfy constraint: Member must have value less than or equal to {value}$"


@pytest.mark.parametrize(
    ("profile", "parameters", "text"),
    [
        (CURRENT, {"MemorySize": 10_241}, most("MemorySize", 10_240)),
        (CURRENT, {"Timeout": 901}, most("Timeout", 900)),
        (CURRENT, {"EphemeralStorage": {"Size": 10_241}}, most("EphemeralStorage", 10_240)),
        (GUIDE_2019, {**OLD, "MemorySize": 3009}, most("MemorySize", 3008)),
        (GUIDE_2019, {**OLD, "MemorySize": 129}, "'MemorySize' value failed .* Member must be a multiple of 64$"),
        (GUIDE_2019, {**OLD, "EphemeralStorage": {"Size": 513}}, most("EphemeralStorage", 512)),
        (GUIDE_2019, {"Runtime": "nodejs6.10"}, r"use the new runtime \(nodejs10.x\)"),
        (GUIDE_2019, {"Runtime": "provided.al2023"}, "Value provided.al2023 at 'runtime' failed"),
    ],
)
def test_what_a_profile_does_not_allow_is_refused(profile: Profile, parameters: dict[str, Any], text: str) -> None:
    account = Account(profile)
    with pytest.raises(InvalidParameterValueException, match=text):
        account.create(**parameters)
    assert account.functions == {}


@pytest.mark.parametrize(
    ("profile", "parameters"),
    [
        (CURRENT, {"MemorySize": 10_240, "Timeout": 900, "EphemeralStorage": {"Size": 10_240}}),
        (CURRENT, {"MemorySize": 129}),
        (GUIDE_2019, {**OLD, "MemorySize": 3008, "Timeout": 900}),
        (GUIDE_2019, {**OLD, "MemorySize": 192}),
    ],
)
def test_what_it_allows_is_taken(profile: Profile, parameters: dict[str, Any]) -> None:
    assert Account(profile).create(**parameters).items() >= parameters.items()


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("UpdateFunctionConfiguration", {"Description": "new"}),
        ("UpdateFunctionCode", {"ZipFile": b"2"}),
    ],
)
def test_a_function_whose_runtime_is_closed_is_not_changed_any_more(
    operation: str, parameters: dict[str, Any]
) -> None:
    account = Account(GUIDE_2019)
    account.create(**OLD)
    account.profile = CURRENT  # as after a restart with another profile
    before = account.functions["f"]
    with pytest.raises(InvalidParameterValueException, match="provided is no longer supported"):
        account.perform(operation, FunctionName="f", **parameters)
    assert account.functions["f"] == before
    account.perform("UpdateFunctionConfiguration", FunctionName="f", Runtime="provided.al2023")
    account.perform(operation, FunctionName="f", **parameters)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("UpdateFunctionConfiguration", {"Description": "new"}),
        ("UpdateFunctionCode", {"ZipFile": b"2"}),
    ],
)
def test_a_function_of_the_command_line_is_changed_whatever_its_runtime(
    operation: str, parameters: dict[str, Any]
) -> None:
    account = Account()
    account.create()
    function = account.functions["f"]
    account.functions["f"] = structs.replace(function, latest=structs.replace(function.latest, code=Code("", 0)))
    account.profile = GUIDE_2019
    account.perform(operation, FunctionName="f", **parameters)
