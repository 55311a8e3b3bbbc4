"""Names of functions in all their forms."""

from __future__ import annotations

import pytest

from runtime_api.service.arns import FunctionName, function_arn, parse_function_name
from runtime_api.service.errors import InvalidParameterValueException

ACCOUNT = "123456789012"
FULL = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("f", FunctionName("f", None)),
        ("my-function_1", FunctionName("my-function_1", None)),
        ("f:PROD", FunctionName("f", "PROD")),
        ("f:12", FunctionName("f", "12")),
        ("f:$LATEST", FunctionName("f", "$LATEST")),
        ("function:f", FunctionName("f", None)),
        (f"{ACCOUNT}:function:f", FunctionName("f", None, None, ACCOUNT)),
        (f"{ACCOUNT}:function:f:PROD", FunctionName("f", "PROD", None, ACCOUNT)),
        (f"eu-west-1:{ACCOUNT}:function:f", FunctionName("f", None, "eu-west-1", ACCOUNT)),
        (FULL, FunctionName("f", None, "eu-west-1", ACCOUNT)),
        (f"{FULL}:PROD", FunctionName("f", "PROD", "eu-west-1", ACCOUNT)),
        (f"{FULL}:$LATEST", FunctionName("f", "$LATEST", "eu-west-1", ACCOUNT)),
        (
            FULL.replace("aws", "aws-cn").replace("eu-west", "cn-north"),
            FunctionName("f", None, "cn-north-1", ACCOUNT),
        ),
        (FULL.replace("eu-west", "us-gov-west"), FunctionName("f", None, "us-gov-west-1", ACCOUNT)),
    ],
)
def test_a_name_is_parsed_in_every_form(text: str, named: FunctionName) -> None:
    assert parse_function_name(text) == named


@pytest.mark.parametrize(
    "text", ["", ":", "f:", "a b", "f:$OTHER", "f:a:b", "arn:aws:s3:::f", f"{FULL}:a:b", "f/g", "f\n", "é"]
)
def test_a_malformed_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        parse_function_name(text)


def test_the_qualifier_beside_a_name_must_agree_with_the_one_inside() -> None:
    assert parse_function_name("f", "1").qualifier == "1"
    assert parse_function_name("f:1", "1").qualifier == "1"
    with pytest.raises(InvalidParameterValueException, match="does not match"):
        parse_function_name("f:1", "2")


def test_an_arn_can_be_parsed_again() -> None:
    arn = function_arn("eu-west-1", ACCOUNT, "f", "PROD")
    assert parse_function_name(arn) == FunctionName("f", "PROD", "eu-west-1", ACCOUNT)
