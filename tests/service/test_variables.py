"""The environment variables of a function's processes."""

from __future__ import annotations

import pytest

from runtime_api.service.records import FunctionSpec
from runtime_api.service.variables import Places, environment_variables, library_variables, reserved_names

PLACES = Places("/code", ("/layers/one", "/layers/two"), "127.0.0.1:9001", "2026/01/01/[$LATEST]0")


def variables(customer: dict[str, str], libraries: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a function with these variables."""
    return environment_variables(FunctionSpec("f", variables=customer), PLACES, libraries)


def test_the_customer_cannot_set_reserved_variables() -> None:
    usual = variables({})
    assert reserved_names() <= {*usual, "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_EXECUTION_ENV"}
    given = dict.fromkeys(reserved_names() - {"AWS_EXECUTION_ENV"}, "mine")
    assert variables(given) == usual


@pytest.mark.parametrize("name", ["PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "AWS_ACCESS_KEY_ID", "OWN"])
def test_the_customer_can_set_other_variables(name: str) -> None:
    assert variables({name: "mine"}, {"PYTHONPATH": "/layers/two/python"})[name] == "mine"


def test_a_process_finds_its_function_in_the_variables() -> None:
    found = variables({})
    assert found["_HANDLER"]
    assert found["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert (found["LAMBDA_TASK_ROOT"], found["TZ"], found["AWS_REGION"]) == ("/code", ":UTC", "us-east-1")
    assert found["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/f"
    assert "_X_AMZN_TRACE_ID" not in found
    assert all(found[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))


def test_the_last_layer_comes_first_on_every_search_path() -> None:
    found = variables({})
    assert found["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/layers/two/bin:/layers/one/bin"
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


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("provided.al2", {"PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin"}),
        ("provided.al2023", {"PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"}),
        (
            "python3.13",
            {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "PYTHONPATH": "/var/runtime", "PWD": "/t", "SHLVL": "0"},
        ),
        (
            "nodejs22.x",
            {
                "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x",
                "NODE_PATH": "/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules:"
                "/var/runtime/node_modules:/var/runtime:/t",
                "PWD": "/t",
                "SHLVL": "0",
            },
        ),
        ("go1.x", {"AWS_EXECUTION_ENV": "AWS_Lambda_go1.x"}),
    ],
)
def test_runtimes_differ_as_on_lambda(runtime: str, expected: dict[str, str]) -> None:
    found = environment_variables(FunctionSpec("f", runtime=runtime), Places("/t"))
    differing = {"AWS_EXECUTION_ENV", "PYTHONPATH", "NODE_PATH", "PWD", "SHLVL"} | expected.keys()
    assert {name: value for name, value in found.items() if name in differing} == expected


def test_layers_come_before_lambdas_own_packages() -> None:
    found = environment_variables(
        FunctionSpec("f", runtime="python3.12"), PLACES, {"PYTHONPATH": "/layers/two/python"}
    )
    assert found["PYTHONPATH"] == "/layers/two/python:/var/runtime"
    folders = "nodejs/node20/node_modules", "nodejs/node_modules"
    found = environment_variables(FunctionSpec("f", runtime="nodejs20.x"), PLACES, {"NODE_PATH": "/any"})
    of_layers = [f"/layers/{layer}/{folder}" for layer in ("two", "one") for folder in folders]
    assert found["NODE_PATH"].split(":")[:4] == of_layers


def test_a_runtime_that_the_caller_of_rie_names_is_kept() -> None:
    assert variables({"AWS_EXECUTION_ENV": "AWS_Lambda_mine"})["AWS_EXECUTION_ENV"] == "AWS_Lambda_mine"
