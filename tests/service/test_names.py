"""How functions are named, and what their processes find in their environment."""

from __future__ import annotations

import pytest

from runtime_api.service.arns import FunctionName, function_arn, parse_function_name
from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.records import FunctionSpec
from runtime_api.service.variables import Places, environment_variables, library_variables, reserved_names

PLACES = Places("/code", ("/layers/one", "/layers/two"), "127.0.0.1:9001", "2026/01/01/[$LATEST]0")
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
def test_names_in_all_forms(text: str, named: FunctionName) -> None:
    assert parse_function_name(text) == named


@pytest.mark.parametrize(
    "text", ["", ":", "f:", "a b", "f:$OTHER", "f:a:b", "arn:aws:s3:::f", f"{FULL}:a:b", "f/g", "f\n", "é"]
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        parse_function_name(text)


def test_a_qualifier_beside_the_name() -> None:
    assert parse_function_name("f", "1").qualifier == "1"
    assert parse_function_name("f:1", "1").qualifier == "1"
    with pytest.raises(InvalidParameterValueException, match="does not match"):
        parse_function_name("f:1", "2")


def test_an_arn_can_be_read_again() -> None:
    arn = function_arn("eu-west-1", ACCOUNT, "f", "PROD")
    assert parse_function_name(arn) == FunctionName("f", "PROD", "eu-west-1", ACCOUNT)


def variables(customer: dict[str, str], libraries: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a function with these variables."""
    return environment_variables(FunctionSpec("f", variables=customer), PLACES, libraries)


def test_the_customer_cannot_set_what_is_reserved() -> None:
    usual = variables({})
    assert reserved_names() <= usual.keys()
    assert variables(dict.fromkeys(reserved_names(), "mine")) == usual


@pytest.mark.parametrize("name", ["PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "AWS_ACCESS_KEY_ID", "OWN"])
def test_the_customer_may_set_the_rest(name: str) -> None:
    assert variables({name: "mine"}, {"PYTHONPATH": "/layers/two/python"})[name] == "mine"


def test_what_a_process_learns_of_its_function() -> None:
    found = variables({})
    assert found["_HANDLER"]
    assert found["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert (found["LAMBDA_TASK_ROOT"], found["TZ"], found["AWS_REGION"]) == ("/code", ":UTC", "us-east-1")
    assert found["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/f"
    assert "_X_AMZN_TRACE_ID" not in found
    assert all(found[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))


def test_the_last_layer_comes_first_on_every_search_path() -> None:
    found = variables({})
    assert found["PATH"] == "/usr/local/bin:/usr/bin/:/bin:/layers/two/bin:/layers/one/bin"
    assert found["LD_LIBRARY_PATH"].endswith(":/code:/code/lib:/layers/two/lib:/layers/one/lib")
    one = {"PYTHONPATH": ["/layers/one/python"], "NODE_PATH": ["/layers/one/nodejs/node_modules"]}
    two = {"PYTHONPATH": ["/layers/two/python", "/layers/two/python/lib/python3.11/site-packages"]}
    assert library_variables([one, two]) == {
        "PYTHONPATH": "/layers/two/python:/layers/two/python/lib/python3.11/site-packages:/layers/one/python",
        "NODE_PATH": "/layers/one/nodejs/node_modules",
    }
    assert library_variables([]) == {}


def test_without_layers_opt_is_searched() -> None:
    found = environment_variables(FunctionSpec("f"), Places("/code"))
    assert found["PATH"].endswith(":/opt/bin")
    assert found["LD_LIBRARY_PATH"].endswith(":/opt/lib")
