"""Layers, and functions that use them."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException
from tests.service.account import NOW, Account

LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:"


@pytest.fixture
def account() -> Account:
    return Account()


def publish(account: Account, name: str = "l", content: bytes = b"22", **parameters: Any) -> dict[str, Any]:
    return account.perform("PublishLayerVersion", LayerName=name, Content={"ZipFile": content}, **parameters)


def numbers(account: Account, **parameters: Any) -> list[int]:
    listed = account.perform("ListLayerVersions", LayerName="l", **parameters)["LayerVersions"]
    return [each["Version"] for each in listed]


def test_a_version_shows_what_was_published(account: Account) -> None:
    settings: dict[str, Any] = {
        "Description": "d",
        "LicenseInfo": "MIT",
        "CompatibleRuntimes": ["python3.12"],
        "CompatibleArchitectures": ["arm64"],
    }
    published = publish(account, **settings)
    assert published == {
        **settings,
        "LayerArn": f"{LAYER}l",
        "LayerVersionArn": f"{LAYER}l:1",
        "Version": 1,
        "CreatedDate": NOW,
        "Content": published["Content"],
    }
    assert published["Content"]["CodeSize"] == 2
    assert account.perform("GetLayerVersion", LayerName="l", VersionNumber=1) == published
    assert account.perform("GetLayerVersionByArn", Arn=f"{LAYER}l:1") == published


def test_what_was_left_out_is_shown_as_lambda_does(account: Account) -> None:
    published = publish(account)
    assert (published["Description"], published["CompatibleRuntimes"]) == ("", [])
    assert not {"LicenseInfo", "CompatibleArchitectures"} & published.keys()


def test_numbers_go_up_and_are_never_given_again(account: Account) -> None:
    assert [publish(account)["Version"] for _ in range(3)] == [1, 2, 3]
    assert numbers(account) == [3, 2, 1]
    for number in (1, 2, 3):
        account.perform("DeleteLayerVersion", LayerName="l", VersionNumber=number)
        account.perform("DeleteLayerVersion", LayerName="l", VersionNumber=number)
    assert numbers(account) == []
    assert account.perform("ListLayers")["Layers"] == []
    assert publish(account)["Version"] == 4


def test_layers_are_found_by_what_they_are_for(account: Account) -> None:
    publish(account, CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["x86_64"])
    publish(account, CompatibleRuntimes=["nodejs22.x"])
    publish(account, "other")
    layers = account.perform("ListLayers")["Layers"]
    assert [(each["LayerName"], each["LatestMatchingVersion"]["Version"]) for each in layers] == [
        ("l", 2),
        ("other", 1),
    ]
    (found,) = account.perform("ListLayers", CompatibleRuntime="python3.12")["Layers"]
    assert (found["LayerArn"], found["LatestMatchingVersion"]["Version"]) == (f"{LAYER}l", 1)
    assert numbers(account, CompatibleRuntime="nodejs22.x") == [2]
    assert numbers(account, CompatibleArchitecture="x86_64") == [1]


def test_versions_are_listed_in_pages(account: Account) -> None:
    for _ in range(5):
        publish(account)
    first = account.perform("ListLayerVersions", LayerName="l", MaxItems=2)
    assert [each["Version"] for each in first["LayerVersions"]] == [5, 4]
    assert numbers(account, MaxItems=2, Marker=first["NextMarker"]) == [3, 2]


@pytest.mark.parametrize(("name", "number"), [("l", 2), ("nothing", 1)])
def test_a_missing_version_is_not_found(account: Account, name: str, number: int) -> None:
    publish(account)
    with pytest.raises(ResourceNotFoundException, match=r"The resource you requested does not exist\."):
        account.perform("GetLayerVersion", LayerName=name, VersionNumber=number)


def test_a_function_shows_its_layers_and_keeps_them_when_they_are_deleted(account: Account) -> None:
    publish(account)
    account.create(Layers=[f"{LAYER}l:1"])
    account.perform("DeleteLayerVersion", LayerName="l", VersionNumber=1)
    expected = [{"Arn": f"{LAYER}l:1", "CodeSize": 2}]
    assert account.perform("GetFunctionConfiguration", FunctionName="f")["Layers"] == expected
    kept = account.perform("UpdateFunctionConfiguration", FunctionName="f", Layers=[f"{LAYER}l:1"])
    assert kept["Layers"] == expected
    with pytest.raises(InvalidParameterValueException, match=f"Layer version {LAYER}l:1 does not exist"):
        account.create("g", Layers=[f"{LAYER}l:1"])
    assert "Layers" not in account.perform("UpdateFunctionConfiguration", FunctionName="f", Layers=[])


@pytest.mark.parametrize("operation", ["GetLayerVersion", "DeleteLayerVersion"])
def test_numbers_of_layers_begin_with_one(account: Account, operation: str) -> None:
    publish(account)
    for number in (0, -1):
        with pytest.raises(InvalidParameterValueException, match="Layer Version Cannot be less than 1"):
            account.perform(operation, LayerName="l", VersionNumber=number)


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([f"{LAYER}l:1", f"{LAYER}l:2"], f"{LAYER}l:1 and {LAYER}l:2 are versions of the same layer"),
        ([f"{LAYER}l:1", f"{LAYER}l:1"], f"{LAYER}l:1 and {LAYER}l:1 are versions of the same layer"),
        ([f"{LAYER}nothing:1"], f"Layer version {LAYER}nothing:1 does not exist"),
        ([f"{LAYER}l:9"], f"Layer version {LAYER}l:9 does not exist"),
        (["arn:aws:lambda:eu-west-1:123456789012:layer:l:1"], "Layers are expected to be in region us-east-1"),
        ([f"{LAYER}l{number}:1" for number in range(6)], "Cannot reference more than 5 layers"),
    ],
)
def test_layers_that_a_function_cannot_have(account: Account, layers: list[str], text: str) -> None:
    publish(account)
    publish(account)
    account.create()
    with pytest.raises(InvalidParameterValueException, match=text):
        account.perform("UpdateFunctionConfiguration", FunctionName="f", Layers=layers)
    with pytest.raises(InvalidParameterValueException, match=text):
        account.create("g", Layers=layers)
