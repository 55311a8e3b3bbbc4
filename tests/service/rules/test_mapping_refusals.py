"""Event source mappings that Lambda refuses to create, and why."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from runtime_api.service.errors import InvalidParameterValueException, ValidationException
from tests.service.account import Account
from tests.service.sources import DOCUMENTDB, DYNAMODB, FIFO, KAFKA, KINESIS, MQ, OWN, SQS, create

NO_POSITION = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
NO_ACCESS = "Required 'sourceAccessConfigurations' parameter is missing."
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
BUCKET = "arn:aws:s3:::bucket"
TIMESTAMP = "StartingPositionTimestamp goes with the starting position AT_TIMESTAMP"


@pytest.fixture
def account() -> Account:
    account = Account()
    account.create()
    account.perform("PublishVersion", FunctionName="f")
    return account


def without(parameters: dict[str, Any]) -> dict[str, Any]:
    """Take away what is None."""
    return {name: value for name, value in parameters.items() if value is not None}


def refused(account: Account, error: type[Exception], source: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(error) as refusal:
        create(account, source, **parameters)
    assert account.perform("ListEventSourceMappings")["EventSourceMappings"] == []
    return str(refusal.value)


@pytest.mark.parametrize(
    ("source", "parameters", "text"),
    [
        ("queue", {}, "eventSourceArn"),
        (KINESIS, {"StartingPosition": "x"}, "enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"),
        (SQS, {"BatchSize": 0}, "greater than or equal to 1"),
        (SQS, {"BatchSize": 10001}, "less than or equal to 10000"),
        (SQS, {"MaximumBatchingWindowInSeconds": 301}, "less than or equal to 300"),
        (SQS, {"ScalingConfig": {"MaximumConcurrency": 1}}, "greater than or equal to 2"),
        (SQS, {"ScalingConfig": {"MaximumConcurrency": 1001}}, "less than or equal to 1000"),
        (KINESIS, {"ParallelizationFactor": 11}, "less than or equal to 10"),
        (KINESIS, {"TumblingWindowInSeconds": 901}, "less than or equal to 900"),
        (KINESIS, {"MaximumRecordAgeInSeconds": 604801}, "less than or equal to 604800"),
        (KINESIS, {"MaximumRetryAttempts": 10001}, "less than or equal to 10000"),
    ],
)
def test_constraints_of_the_model_hold(account: Account, source: str, parameters: dict[str, Any], text: str) -> None:
    assert text in refused(account, ValidationException, source, parameters)


@pytest.mark.parametrize(
    ("source", "parameters", "text"),
    [
        (SQS, {"EventSourceArn": None}, "Unrecognized event source."),
        (SQS, {"EventSourceArn": None, "FunctionName": "nothing"}, "Unrecognized event source."),
        (BUCKET, {}, f"Unsupported source arn : {BUCKET}"),
        (TABLE, {"StartingPosition": "LATEST"}, f"Unsupported source arn : {TABLE}"),
        (SQS, {"FunctionName": "nothing"}, "Function does not exist"),
        (SQS, {"FunctionName": "f:2"}, "Function does not exist"),
        (SQS, {"FunctionName": "f:dead"}, "Function does not exist"),
        (KINESIS, {"StartingPosition": None}, f"{NO_POSITION}Member must not be null."),
        (DYNAMODB, {"StartingPosition": None}, f"{NO_POSITION}Member must not be null."),
        (DOCUMENTDB, {"StartingPosition": None}, f"{NO_POSITION}Member must not be null."),
        (DYNAMODB, {"StartingPosition": "AT_TIMESTAMP"}, f"Unsupported starting position for arn type: {DYNAMODB}"),
        (KINESIS, {"StartingPosition": "AT_TIMESTAMP"}, TIMESTAMP),
        (KINESIS, {"StartingPositionTimestamp": 1.0}, TIMESTAMP),
        (
            KINESIS,
            {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 2e9},
            "StartingPositionTimestamp cannot be in the future.",
        ),
        (SQS, {"StartingPosition": "LATEST"}, "StartingPosition is not valid for SQS event sources."),
        (
            SQS,
            {"BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        (FIFO, {"BatchSize": 11}, "Maximum batch size must be between 1 and 10 inclusive"),
        (
            FIFO,
            {"BatchSize": 11, "MaximumBatchingWindowInSeconds": 1},
            "Batching window is not supported for FIFO queues",
        ),
        (
            KINESIS,
            {"MaximumRecordAgeInSeconds": 59},
            "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)",
        ),
        (KAFKA, {"Topics": None}, "Required 'topics' parameter is missing."),
        (MQ, {"SourceAccessConfigurations": None}, NO_ACCESS),
        (MQ, {"Queues": None}, "Required 'queues' parameter is missing."),
        (DOCUMENTDB, {"DocumentDBEventSourceConfig": None}, "Required 'documentDBEventSourceConfig' parameter"),
        (SQS, {"SelfManagedEventSource": OWN, "EventSourceArn": None}, NO_ACCESS),
        (SQS, {"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 2}}, "MinimumPollers must not be"),
        (
            SQS,
            {"ProvisionedPollerConfig": {"MinimumPollers": 3}, "ScalingConfig": {"MaximumConcurrency": 2}},
            "ScalingConfig and ProvisionedPollerConfig cannot be used together.",
        ),
        (SQS, {"Tags": {"aws:x": "y"}}, "Tag keys may not begin with aws:"),
    ],
)
def test_impossible_mappings_are_refused(
    account: Account, source: str, parameters: dict[str, Any], text: str
) -> None:
    assert refused(account, InvalidParameterValueException, source, parameters).startswith(text)


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        (SQS, "ParallelizationFactor", 1),
        (SQS, "MaximumRetryAttempts", 1),
        (SQS, "TumblingWindowInSeconds", 1),
        (SQS, "Topics", ["t1"]),
        (SQS, "SelfManagedEventSource", OWN),
        (SQS, "DestinationConfig", {"OnFailure": {"Destination": FIFO}}),
        (KINESIS, "DestinationConfig", {"OnSuccess": {"Destination": SQS}}),
        (KINESIS, "ScalingConfig", {"MaximumConcurrency": 2}),
        (KINESIS, "Queues", ["q"]),
        (KAFKA, "ParallelizationFactor", 1),
        (MQ, "StartingPosition", "LATEST"),
    ],
)
def test_what_a_source_does_not_have_is_refused(account: Account, source: str, name: str, value: Any) -> None:
    text = refused(account, InvalidParameterValueException, source, {name: value})
    assert text == f"Unsupported {name} parameter for given event source mapping type."


@pytest.mark.parametrize(
    "pattern", ["null", '"single-string"', "text", '[{"a": ["b"]}]', '{"a": ["b"=123}', "", '{"a": "b"}', None]
)
def test_filters_must_be_patterns(account: Account, pattern: str | None) -> None:
    filters = [{"Pattern": '{"a": [1]}'}, without({"Pattern": pattern})]
    text = refused(account, InvalidParameterValueException, SQS, {"FilterCriteria": {"Filters": filters}})
    assert text == "Invalid filter pattern definition."


def test_a_mapping_has_five_filters_at_most(account: Account) -> None:
    filters = [{"Pattern": json.dumps({"a": [number]})} for number in range(6)]
    text = refused(account, InvalidParameterValueException, SQS, {"FilterCriteria": {"Filters": filters}})
    assert re.search(r"\b5\b", text)
    create(account, SQS, FilterCriteria={"Filters": filters[:5]})
