"""Functions of container images: kept and shown as such, and never mistaken for packages."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from runtime_api.service.errors import InvalidParameterValueException
from tests.service.account import ROLE, Account

REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo"
IMAGE: dict[str, Any] = {"PackageType": "Image", "Role": ROLE, "Code": {"ImageUri": f"{REPOSITORY}:latest"}}


@pytest.fixture
def account() -> Account:
    account = Account()
    account.perform("CreateFunction", FunctionName="i", **IMAGE)
    account.create("z")
    return account


def test_an_image_is_shown_by_its_uri_and_digest(account: Account) -> None:
    found = account.perform("GetFunction", FunctionName="i")
    digest = sha256(f"{REPOSITORY}:latest".encode()).hexdigest()
    assert found["Code"] == {
        "RepositoryType": "ECR",
        "ImageUri": f"{REPOSITORY}:latest",
        "ResolvedImageUri": f"{REPOSITORY}@sha256:{digest}",
    }
    shown = found["Configuration"]
    assert (shown["PackageType"], shown["CodeSha256"], shown["CodeSize"]) == ("Image", digest, 0)
    assert not shown.keys() & {"Runtime", "Handler", "RuntimeVersionConfig", "ImageConfigResponse"}


def test_an_image_is_changed_by_another_one(account: Account) -> None:
    before = account.perform("GetFunctionConfiguration", FunctionName="i")["CodeSha256"]
    account.perform("PublishVersion", FunctionName="i")
    account.perform("UpdateFunctionCode", FunctionName="i", ImageUri=f"{REPOSITORY}@sha256:{'0' * 64}")
    found = account.perform("GetFunction", FunctionName="i")
    assert found["Code"]["ResolvedImageUri"].startswith(f"{REPOSITORY}@sha256:")
    assert found["Configuration"]["CodeSha256"] != before
    assert account.perform("GetFunctionConfiguration", FunctionName="i:1")["CodeSha256"] == before
    config = {"Command": ["app.handler"], "EntryPoint": ["/init"], "WorkingDirectory": "/srv"}
    changed = account.perform("UpdateFunctionConfiguration", FunctionName="i", ImageConfig=config)
    assert changed["ImageConfigResponse"] == {"ImageConfig": config}


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        (
            "UpdateFunctionCode",
            {"FunctionName": "i", "ZipFile": b"1"},
            "Please provide ImageUri when updating a function",
        ),
        (
            "UpdateFunctionCode",
            {"FunctionName": "z", "ImageUri": "r:1"},
            "don't provide ImageUri when updating",
        ),
        (
            "CreateFunction",
            {"FunctionName": "n", **IMAGE, "Code": {"ZipFile": b"1"}},
            "provide ImageUri when creating",
        ),
        (
            "CreateFunction",
            {"FunctionName": "n", **IMAGE, "Runtime": "python3.12"},
            "don't provide handler or",
        ),
        (
            "UpdateFunctionConfiguration",
            {"FunctionName": "i", "Handler": "app.handler"},
            "don't provide handler or",
        ),
    ],
)
def test_a_package_is_no_image(account: Account, operation: str, parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=text):
        account.perform(operation, **parameters)
