"""Tags of what is no function: event source mappings, code signing configurations, layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.service.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
    ValidationException,
)
from tests.service.account import Account
from tests.service.sources import create

if TYPE_CHECKING:
    from collections.abc import Callable

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:"
PUBLISHERS = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/test"]}
OPERATIONS: dict[str, dict[str, Any]] = {
    "ListTags": {},
    "TagResource": {"Tags": {"a": "b"}},
    "UntagResource": {"TagKeys": ["a"]},
}
MAPPING = "event-source-mapping:00000000-1111-2222-3333-444444444444"
CONFIG = "code-signing-config:csc-00000000000000000"


def mapping(account: Account, tags: dict[str, str]) -> str:
    account.create()
    arn: str = create(account, Tags=tags)["EventSourceMappingArn"]
    return arn


def signing(account: Account, tags: dict[str, str]) -> str:
    made = account.perform("CreateCodeSigningConfig", AllowedPublishers=PUBLISHERS, Tags=tags)
    arn: str = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    return arn


def layer(account: Account, tags: dict[str, str]) -> str:
    arn: str = account.perform("PublishLayerVersion", LayerName="l", Content={"ZipFile": b"1"})["LayerArn"]
    account.perform("TagResource", Resource=arn, Tags=tags)
    return arn


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.mark.parametrize("made", [mapping, signing, layer])
def test_tags_come_change_and_go(account: Account, made: Callable[[Account, dict[str, str]], str]) -> None:
    arn = made(account, {"A": "a"})
    account.perform("TagResource", Resource=arn, Tags={"B": "b", "C": "c"})
    account.perform("TagResource", Resource=arn, Tags={"C": "d"})
    assert account.perform("ListTags", Resource=arn) == {"Tags": {"A": "a", "B": "b", "C": "d"}}
    account.perform("UntagResource", Resource=arn, TagKeys=["A", "C", "nothing"])
    assert account.perform("ListTags", Resource=arn) == {"Tags": {"B": "b"}}
    with pytest.raises(InvalidParameterValueException, match="cannot be processed"):
        account.perform("TagResource", Resource=arn, Tags={})


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("resource", "text"),
    [
        ("capacity-provider:p", "^Capacity provider not found: {}$"),
        (MAPPING, "^Event source mapping not found: {}$"),
        (CONFIG, r"^The Lambda code signing configuration {} can not be found\.$"),
        ("layer:l", "^Layer not found: {}$"),
        ("function:f", "^Function not found: {}$"),
    ],
)
def test_tags_of_what_is_not_there_are_refused(account: Account, operation: str, resource: str, text: str) -> None:
    arn = LAMBDA + resource
    with pytest.raises(ResourceNotFoundException, match=text.format(arn)):
        account.perform(operation, Resource=arn, **OPERATIONS[operation])


@pytest.mark.parametrize("made", [mapping, signing, layer])
def test_another_account_has_other_resources(
    account: Account, made: Callable[[Account, dict[str, str]], str]
) -> None:
    arn = made(account, {"A": "a"})
    for foreign in (arn.replace("123456789012", "210987654321"), arn.replace("us-east-1", "us-east-2")):
        with pytest.raises(ResourceNotFoundException):
            account.perform("ListTags", Resource=foreign)


@pytest.mark.parametrize(
    "resource", ["foobar:x", "capacity-provider:p:alias", "layer:l:1", f"{MAPPING}0", "function"]
)
def test_other_resources_have_no_tags(account: Account, resource: str) -> None:
    with pytest.raises(ValidationException, match="Member must satisfy regular expression pattern"):
        account.perform("ListTags", Resource=LAMBDA + resource)


def test_changing_tags_leaves_the_state_of_a_mapping(account: Account) -> None:
    account.create()
    made = create(account, settle=False)
    account.perform("TagResource", settle=False, Resource=made["EventSourceMappingArn"], Tags={"a": "b"})
    assert account.perform("GetEventSourceMapping", settle=False, UUID=made["UUID"]) == made
