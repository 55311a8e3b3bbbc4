"""How many invocations an environment of a capacity provider runs at once."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from runtime_api.protocol.limits import CURRENT
from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.records import CodeRef
from runtime_api.service.running import like, runnable
from tests.service.account import Account

PROVIDER = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p"
CODE = CodeRef("code")


def config(**given: Any) -> dict[str, Any]:
    return {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER, **given}}


def at_once(account: Account) -> int:
    function = account.functions["f"]
    return runnable(function, function.latest, CODE, CURRENT).settings.max_concurrency


def test_a_function_without_a_capacity_provider_is_in_classic_mode() -> None:
    account = Account()
    assert "CapacityProviderConfig" not in account.create()
    assert at_once(account) == 0


def test_the_configured_number_is_shown_and_holds_until_it_is_changed() -> None:
    account = Account()
    created = account.create(CapacityProviderConfig=config(PerExecutionEnvironmentMaxConcurrency=5))
    assert created["CapacityProviderConfig"] == config(PerExecutionEnvironmentMaxConcurrency=5)
    assert at_once(account) == 5
    changed = config(PerExecutionEnvironmentMaxConcurrency=1)
    account.perform("UpdateFunctionConfiguration", FunctionName="f", CapacityProviderConfig=changed)
    account.perform("UpdateFunctionConfiguration", FunctionName="f", Description="d")
    assert account.perform("GetFunctionConfiguration", FunctionName="f")["CapacityProviderConfig"] == changed
    assert at_once(account) == 1


@pytest.mark.parametrize(
    ("runtime", "memory_mb", "given", "expected"),
    [
        ("nodejs22.x", 2048, {}, 64),
        ("python3.13", 8192, {}, 64),
        ("python3.13", 8192, {"ExecutionEnvironmentMemoryGiBPerVCpu": 8.0}, 16),
        ("java21", 4096, {}, 64),
        ("dotnet8", 2048, {}, 32),
        ("provided.al2023", 128, {}, 8),
    ],
)
def test_lambdas_number_follows_from_runtime_and_vcpus(
    runtime: str, memory_mb: int, given: dict[str, Any], expected: int
) -> None:
    account = Account()
    account.create(Runtime=runtime, MemorySize=memory_mb, CapacityProviderConfig=config(**given))
    assert at_once(account) == expected


def test_snapstart_does_not_go_with_a_capacity_provider() -> None:
    account = Account()
    account.create(Runtime="python3.13", CapacityProviderConfig=config())
    with pytest.raises(InvalidParameterValueException, match=r"\(CapacityProviderConfig\)"):
        account.perform("UpdateFunctionConfiguration", FunctionName="f", SnapStart={"ApplyOn": "PublishedVersions"})


def test_a_function_of_the_command_line_takes_the_number_of_its_configuration() -> None:
    account = Account()
    account.create(CapacityProviderConfig=config(PerExecutionEnvironmentMaxConcurrency=5))
    function = account.functions["f"]
    fresh = runnable(function, function.latest, CODE, CURRENT)
    model = structs.replace(fresh, settings=fresh.settings._replace(max_concurrency=0, snap_start=True))
    settings = like(fresh, model).settings
    assert (settings.max_concurrency, settings.snap_start) == (5, False)
