# ruff: noqa: E501 - a text is easier to compare in one line
"""The texts with which Lambda refuses parameters."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import ValidationException
from runtime_api.service.operations import model
from runtime_api.service.validation import check_parameters

NAME = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
LAYER = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:"
    r"[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
)
CREATE: dict[str, Any] = {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Code": {}}


def refusal(operation: str, **parameters: Any) -> str:
    """The text with which these parameters are refused; empty if they are not."""
    shape = model().operations[operation].input
    assert shape is not None
    try:
        check_parameters(shape, parameters)
    except ValidationException as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        ("GetFunction", {"FunctionName": "*"}, f"Value '*' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: {NAME}"),
        ("GetFunction", {"FunctionName": "f", "Qualifier": "q" * 129}, f"Value '{'q' * 129}' at 'qualifier' failed to satisfy constraint: Member must have length less than or equal to 128"),

        ("GetFunction", {}, "Value null at 'functionName' failed to satisfy constraint: Member must not be null"),
        ("ListFunctions", {"FunctionVersion": "all"}, "Value 'all' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]"),
        ("ListFunctions", {"MaxItems": 0}, "Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"),
        ("ListFunctions", {"MaxItems": 10001}, "Value '10001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 10000"),
        ("PutFunctionRecursionConfig", {"FunctionName": "f", "RecursiveLoop": "Stop"}, "Value 'Stop' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]"),
        ("CreateFunction", CREATE | {"SnapStart": {"ApplyOn": "Now"}}, "Value 'Now' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]"),
        ("CreateFunction", CREATE | {"Layers": ["a", "b"]}, f"Value '[a, b]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: {LAYER}, Member must not be null]"),
        ("CreateFunction", CREATE | {"Environment": {"Variables": {"1": "secret"}}}, "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]"),
        ("TagResource", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "Tags": {"k": None}}, "Value '{k=null}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: "),
        ("CreateAlias", {"FunctionName": "f", "Name": "live", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}}}, "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"),
        ("CreateFunction", CREATE | {"Architectures": ["X86_64"]}, "Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"),
        ("ListLayers", {"CompatibleRuntime": "cobol"}, "Value 'cobol' at 'compatibleRuntime' failed to satisfy constraint: Member must satisfy enum value set: ["),
        ("UntagResource", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}, "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"),
    ],
)  # fmt: skip
def test_a_broken_constraint_is_named_in_lambdas_words(operation: str, parameters: dict[str, Any], text: str) -> None:
    message = refusal(operation, **parameters)
    assert message.startswith("1 validation error detected: ")
    assert text in message


def test_every_broken_constraint_is_named() -> None:
    name = "arn:aws:lambda:nowhere:123456789012:function:" + "a" * 150
    message = refusal("CreateFunction", **CREATE | {"FunctionName": name, "MemorySize": 1})
    assert message.startswith("3 validation errors detected: ")
    assert message.count("at 'functionName'") == 2
    assert "Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater" in message


@pytest.mark.parametrize(
    "name",
    [
        "f",
        "f:1",
        "f:$LATEST",
        "f.g",
        "123456789012:function:f",
        "arn:aws:lambda:us-east-1:123456789012:function:f:live",
    ],
)
def test_every_form_of_a_name_passes(name: str) -> None:
    assert refusal("GetFunction", FunctionName=name) == ""


def test_a_secret_is_not_repeated() -> None:
    assert "secret" not in refusal("CreateFunction", **CREATE | {"Environment": {"Variables": {"1": "secret"}}})
