"""Event source mappings: their settings by source, their states, and which of them there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.service.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from tests.service.account import ARN, Account
from tests.service.sources import ACCESS, DOCUMENTDB, DYNAMODB, FIFO, KAFKA, KINESIS, MQ, NEEDS, OWN, SQS, create

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_MAPPING = "00000000-1111-2222-3333-444444444444"
MODIFIED = 1767323045.006  # the account's time
STREAM: Mapping[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "StateTransitionReason": "User action",
    "LastProcessingResult": "No records processed",
}
QUEUE: Mapping[str, Any] = {
    "BatchSize": 10,
    "MaximumBatchingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "StateTransitionReason": "USER_INITIATED",
}
OTHER: Mapping[str, Any] = {
    "BatchSize": 100,
    "StateTransitionReason": "USER_INITIATED",
    "LastProcessingResult": "No records processed",
}


@pytest.fixture
def account() -> Account:
    account = Account()
    account.create()
    account.perform("PublishVersion", FunctionName="f")
    account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return account


def shown(account: Account, uuid: str) -> dict[str, Any]:
    return account.perform("GetEventSourceMapping", settle=False, UUID=uuid)


def update(account: Account, uuid: str, *, settle: bool = True, **parameters: Any) -> dict[str, Any]:
    return account.perform("UpdateEventSourceMapping", settle=settle, UUID=uuid, **parameters)


def listed(account: Account, **parameters: Any) -> list[str]:
    return [each["UUID"] for each in account.perform("ListEventSourceMappings", **parameters)["EventSourceMappings"]]


# What is shown


@pytest.mark.parametrize(
    ("source", "defaults"),
    [(SQS, QUEUE), (FIFO, QUEUE), (KINESIS, STREAM), (DYNAMODB, STREAM), (MQ, OTHER)],
    ids=["sqs", "fifo", "kinesis", "dynamodb", "mq"],
)
def test_a_mapping_has_the_defaults_of_its_source_and_shows_nothing_else(
    account: Account, source: str, defaults: Mapping[str, Any]
) -> None:
    made = create(account, source, settle=False)
    uuid = made["UUID"]
    assert made == {
        **defaults,
        **NEEDS[source],
        "EventSourceArn": source,
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{uuid}",
        "FunctionArn": f"{ARN}f",
        "LastModified": MODIFIED,
        "State": "Creating",
        "UUID": uuid,
    }
    account.settle()
    assert shown(account, uuid) == {**made, "State": "Enabled"}


def test_kafka_is_read_from_the_beginning_by_a_group_of_the_mapping(account: Account) -> None:
    managed = create(account, KAFKA)
    group = {"ConsumerGroupId": managed["UUID"]}
    assert managed.items() >= {**OTHER, "StartingPosition": "TRIM_HORIZON", "Topics": ["t1"]}.items()
    assert managed["AmazonManagedKafkaEventSourceConfig"] == group
    given: dict[str, Any] = {"FunctionName": "f", "SelfManagedEventSource": OWN, "SourceAccessConfigurations": ACCESS}
    own = account.perform("CreateEventSourceMapping", Topics=["t1"], **given)
    assert own["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": own["UUID"]}
    assert "EventSourceArn" not in own
    assert own["SelfManagedEventSource"] == OWN


def test_documentdb_sends_changes_alone_by_default(account: Account) -> None:
    expected = {"DatabaseName": "d", "FullDocument": "Default"}
    assert create(account, DOCUMENTDB)["DocumentDBEventSourceConfig"] == expected


def test_what_is_given_is_shown(account: Account) -> None:
    given: dict[str, Any] = {
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 3,
        "ParallelizationFactor": 2,
        "DestinationConfig": {"OnFailure": {"Destination": SQS}},
        "MaximumRecordAgeInSeconds": 60,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 0,
        "TumblingWindowInSeconds": 9,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": {"Filters": [{"Pattern": '{ "data":\t{"a": [1]}}'}]},
        "KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
        "MetricsConfig": {"Metrics": ["EventCount"]},
        "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": 1767000000.5,
    }
    assert create(account, KINESIS, **given).items() >= given.items()
    scaled: dict[str, Any] = {"ScalingConfig": {"MaximumConcurrency": 2}}
    assert create(account, SQS, **scaled).items() >= scaled.items()


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("f", "f"),
        ("f:$LATEST", "f:$LATEST"),
        ("123456789012:function:f:1", "f:1"),
        ("f:live", "f:live"),
        (f"{ARN}f", "f"),
        (f"{ARN}f:1", "f:1"),
        (f"{ARN}f:live", "f:live"),
    ],
)
def test_the_function_is_shown_with_the_qualifier_that_was_given(account: Account, name: str, ending: str) -> None:
    uuid = create(account, FunctionName=name)["UUID"]
    assert shown(account, uuid)["FunctionArn"] == f"{ARN}{ending}"
    assert listed(account, FunctionName=name) == [uuid]


# States


def test_a_mapping_comes_to_rest_where_it_was_told_to(account: Account) -> None:
    uuid = create(account, KINESIS, settle=False, Enabled=False)["UUID"]
    states = [shown(account, uuid)["State"]]

    def step(**parameters: Any) -> None:
        states.append(update(account, uuid, settle=False, **parameters)["State"])
        account.settle()
        states.append(shown(account, uuid)["State"])

    account.settle()
    states.append(shown(account, uuid)["State"])
    step(BatchSize=5)
    step(Enabled=True)
    step(Enabled=True, BatchSize=6)
    step(Enabled=False)
    off = ["Updating", "Disabled", "Enabling", "Enabled", "Updating", "Enabled", "Disabling", "Disabled"]
    assert states == ["Creating", "Disabled", *off]


def test_a_deleted_mapping_is_gone_after_a_while(account: Account) -> None:
    made = create(account)
    gone = account.perform("DeleteEventSourceMapping", settle=False, UUID=made["UUID"])
    assert gone == {**made, "State": "Deleting"}
    assert shown(account, made["UUID"])["State"] == "Deleting"
    account.settle()
    with pytest.raises(ResourceNotFoundException, match=r"^The resource you requested does not exist\.$"):
        shown(account, made["UUID"])
    assert listed(account) == []


def test_a_mapping_on_its_way_is_left_alone(account: Account) -> None:
    uuid = create(account, settle=False)["UUID"]
    with pytest.raises(ResourceInUseException, match="Cannot update the event source mapping because it is in use"):
        update(account, uuid, settle=False, BatchSize=1)
    with pytest.raises(ResourceInUseException, match="Cannot delete the event source mapping because it is in use"):
        account.perform("DeleteEventSourceMapping", settle=False, UUID=uuid)


@pytest.mark.parametrize(
    "operation", ["GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"]
)
def test_an_unknown_mapping_is_not_found(account: Account, operation: str) -> None:
    with pytest.raises(ResourceNotFoundException, match=r"^The resource you requested does not exist\.$"):
        account.perform(operation, UUID=NO_MAPPING)


def test_a_mapping_outlives_its_function(account: Account) -> None:
    uuid = create(account)["UUID"]
    account.perform("DeleteFunction", FunctionName="f")
    assert shown(account, uuid)["State"] == "Enabled"


# Changes


def test_changes_keep_what_they_do_not_name(account: Account) -> None:
    account.create("g")
    made = create(account, KINESIS, BatchSize=3)
    changed = update(account, made["UUID"], FunctionName="g", MaximumRetryAttempts=4)
    expected = {**made, "FunctionArn": f"{ARN}g", "MaximumRetryAttempts": 4, "State": "Updating"}
    assert changed == expected
    assert shown(account, made["UUID"]) == {**expected, "State": "Enabled"}


def test_an_empty_value_takes_away_what_was_set(account: Account) -> None:
    criteria = {"Filters": [{"Pattern": '{"a": [1]}'}]}
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    uuid = create(account, FilterCriteria=criteria, ScalingConfig={"MaximumConcurrency": 9}, KMSKeyArn=key)["UUID"]
    changed = update(account, uuid, FilterCriteria={"Filters": []}, ScalingConfig={}, KMSKeyArn="")
    assert changed.keys().isdisjoint({"FilterCriteria", "ScalingConfig", "KMSKeyArn", "DestinationConfig"})
    stream = create(account, KINESIS, DestinationConfig={"OnFailure": {"Destination": SQS}})["UUID"]
    assert update(account, stream, DestinationConfig={"OnFailure": {}})["DestinationConfig"] == {"OnFailure": {}}


@pytest.mark.parametrize("source", NEEDS)
def test_a_mapping_of_any_source_can_be_changed(account: Account, source: str) -> None:
    made = create(account, source)
    assert update(account, made["UUID"], BatchSize=2) == {**made, "BatchSize": 2, "State": "Updating"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0"),
        ({"FunctionName": "nothing"}, "^Function does not exist$"),
        ({"ParallelizationFactor": 2}, "Unsupported ParallelizationFactor parameter"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "x"}]}}, r"^Invalid filter pattern definition\.$"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(account: Account, change: dict[str, Any], text: str) -> None:
    made = create(account)
    with pytest.raises(InvalidParameterValueException, match=text):
        update(account, made["UUID"], **change)
    assert shown(account, made["UUID"]) == {**made, "State": "Enabled"}


# One mapping for a source and a function


def test_a_second_mapping_of_a_queue_and_a_function_is_refused(account: Account) -> None:
    uuid = create(account)["UUID"]
    with pytest.raises(ResourceConflictException) as refusal:
        create(account, FunctionName=f"{ARN}f")
    assert str(refusal.value) == (
        f'An event source mapping with SQS arn (" {SQS} ") and function (" f ") already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}"
    )


def test_a_second_mapping_of_a_stream_and_a_function_is_refused(account: Account) -> None:
    uuid = create(account, KINESIS)["UUID"]
    with pytest.raises(ResourceConflictException) as refusal:
        create(account, KINESIS, StartingPosition="TRIM_HORIZON")
    assert str(refusal.value) == (
        f'The event source arn (" {KINESIS} ") and function (" f ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}"
    )


def test_other_functions_versions_and_sources_are_no_conflict(account: Account) -> None:
    account.create("g")
    first = create(account)["UUID"]
    create(account, FunctionName="g")
    create(account, FunctionName="f:live")
    create(account, FIFO)
    create(account, KAFKA, Topics=["t1"])
    create(account, KAFKA, Topics=["t2"])
    with pytest.raises(ResourceConflictException):
        update(account, first, FunctionName="g")


# Lists


def test_mappings_are_listed_by_function_and_by_source_in_pages(account: Account) -> None:
    account.create("g")
    made = create(account), create(account, KINESIS), create(account, FunctionName="g")
    one, two, three = (each["UUID"] for each in made)
    assert listed(account) == sorted([one, two, three])
    assert listed(account, FunctionName="f") == sorted([one, two])
    assert listed(account, EventSourceArn=SQS) == sorted([one, three])
    assert listed(account, EventSourceArn=SQS, FunctionName="g") == [three]
    assert listed(account, FunctionName="nothing") == listed(account, EventSourceArn=FIFO) == []
    first = account.perform("ListEventSourceMappings", MaxItems=2)
    rest = account.perform("ListEventSourceMappings", Marker=first["NextMarker"])
    pages = [*first["EventSourceMappings"], *rest["EventSourceMappings"]]
    assert [each["UUID"] for each in pages] == sorted([one, two, three])
    assert "NextMarker" not in rest
