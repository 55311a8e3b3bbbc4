"""`bootjack invoke`: timeout, memory, handler, name, region and layers."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.choice import Kind
from tests.commands.functions import ask, source, write_bootstrap
from tests.e2e.running import RAW, bootjack
from tests.sandboxes import SANDBOX, layer_root, task_root

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.mark.both_sandboxes
def test_a_timeout_below_a_second(function: Path) -> None:
    ended = bootjack("invoke", function, "--timeout", "0.2", "-e", ask("hang", child=True))
    document = json.loads(ended.out)
    assert (ended.code, document["errorType"]) == (1, "Sandbox.Timedout")
    assert document["errorMessage"].endswith(" Error: Task timed out after 0.20 seconds")
    assert "Status: timeout" in ended.err


@pytest.mark.parametrize("option", ["-t", "-m"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "99999", "x", ""])
def test_an_invalid_limit_is_a_usage_error(function: Path, option: str, value: str) -> None:
    ended = bootjack("invoke", function, option, value, seconds=5)
    assert (ended.code, ended.out) == (2, b"")
    assert option in ended.message


@pytest.mark.both_sandboxes
def test_the_bounds_of_a_limit_are_accepted(function: Path) -> None:
    for timeout, memory in (("900", "128"), ("0.5", "10240")):
        assert bootjack("invoke", function, "-t", timeout, "-m", memory).code == 0


def test_a_log_in_json_has_levels(function: Path) -> None:
    levels = ("--application-log-level", "warn", "--system-log-level", "DEBUG")
    variables = ask("variables", names=["AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"])
    ended = bootjack("invoke", function, "--log-format", "json", *levels, "-e", variables)
    assert json.loads(ended.out) == {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}
    types = [json.loads(line)["type"] for line in ended.err.splitlines() if line.startswith("{")]
    assert types == [
        f"platform.{name}"
        for name in ("initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report")
    ]
    refused = bootjack("invoke", function, levels[2], "WARN")
    assert (refused.code, refused.out) == (2, b"")
    assert "--system-log-level needs --log-format json" in refused.message


def test_the_handler(function: Path) -> None:
    ended = bootjack("invoke", function, "--handler", "mod.süd", "-e", ask("variables", names=["_HANDLER"]))
    assert json.loads(ended.out) == {"_HANDLER": "mod.süd"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--handler", ""),
        ("--name", ""),
        ("--name", "with space"),
        ("--name", "a:b"),
        ("--name", "ünï"),
        ("--name", "a" * 65),
        ("--region", ""),
        ("--region", "x y"),
    ],
)
def test_a_name_that_lambda_refuses_is_a_usage_error(function: Path, option: str, value: str) -> None:
    ended = bootjack("invoke", function, option, value)
    assert (ended.code, ended.out) == (2, b"")
    assert option in ended.message


def test_name_and_region_appear_in_the_arn(function: Path) -> None:
    ended = bootjack("invoke", function, "--name", "my-fn_1", "--region", "eu-west-1", "-e", ask("headers"))
    arn = json.loads(ended.out)["lambda-runtime-invoked-function-arn"]
    assert arn == "arn:aws:lambda:eu-west-1:123456789012:function:my-fn_1"


# -- layers


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, Path]:
    """Two layers with Python packages, one of them for a single version of Python."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one / "python", two / "python" / "lib" / "python3.12" / "site-packages", one / "bin"):
        folder.mkdir(parents=True)
    return one, two


@pytest.mark.both_sandboxes
def test_the_bootstrap_of_the_last_layer_is_used(tmp_path: Path, layers: tuple[Path, Path]) -> None:
    for layer in layers:
        write_bootstrap(layer, source() + f"# {layer.name}\n")
    code = tmp_path / "code"
    code.mkdir()
    ended = bootjack("invoke", code, "--layer", layers[0], "--layer", layers[1], "-e", ask("variables"))
    found = json.loads(ended.out)
    one, two = map(str, layers)
    assert found["LAMBDA_TASK_ROOT"] == task_root(code)
    if SANDBOX is Kind.PROCESS:
        assert found["PYTHONPATH"] == f"{two}/python:{two}/python/lib/python3.12/site-packages:{one}/python"
        assert found["PATH"].endswith(f":{two}/bin:{one}/bin")
        assert found["LD_LIBRARY_PATH"].endswith(f":{two}/lib:{one}/lib")
    else:  # merged
        assert found["PYTHONPATH"] == "/opt/python:/opt/python/lib/python3.12/site-packages"
        assert found["PATH"].endswith(":/opt/bin")
        assert found["LD_LIBRARY_PATH"].endswith(":/opt/lib")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.both_sandboxes
def test_the_order_of_layers_decides_which_bootstrap_is_used(
    tmp_path: Path, layers: tuple[Path, Path], order: tuple[int, int]
) -> None:
    for layer in layers:
        write_bootstrap(
            layer, source().replace("response(request_id, event)", f'response(request_id, b"{layer.name}")')
        )
    code = tmp_path / "code"
    code.mkdir()
    given = [word for index in order for word in ("--layer", layers[index])]
    assert bootjack("invoke", code, *given).out.decode() == layers[order[1]].name


@pytest.mark.both_sandboxes
def test_the_function_s_own_bootstrap_takes_precedence_over_a_layer_s(
    function: Path, layers: tuple[Path, Path]
) -> None:
    write_bootstrap(layers[0], "#!/bin/false\n")
    assert bootjack("invoke", function, "--layer", layers[0]).out == b"{}"


@pytest.mark.both_sandboxes
def test_an_archive_as_a_layer(tmp_path: Path, function: Path, layers: tuple[Path, Path]) -> None:
    archive = shutil.make_archive(str(tmp_path / "layer"), "zip", layers[0])
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    event = ask("variables", names=["PYTHONPATH"])
    ended = bootjack("invoke", function, "--layer", archive, "-e", event, env={"TMPDIR": str(temporary)})
    assert json.loads(ended.out)["PYTHONPATH"].endswith("/python")
    assert list(temporary.iterdir()) == []


@pytest.mark.both_sandboxes
def test_layers_with_a_command(layers: tuple[Path, Path]) -> None:
    ended = bootjack("invoke", "--layer", layers[0], "-e", ask("variables", names=["PYTHONPATH"]), "--", *RAW)
    assert json.loads(ended.out) == {"PYTHONPATH": f"{layer_root(layers[0])}/python"}


@pytest.mark.parametrize("name", ["nowhere", "nowhere.zip", "bootstrap"])
def test_an_invalid_layer_is_a_usage_error(function: Path, name: str) -> None:
    ended = bootjack("invoke", function, "--layer", function / name)
    assert (ended.code, ended.out) == (2, b"")
    assert name in ended.message


def test_six_layers_are_refused(function: Path, tmp_path: Path) -> None:
    ended = bootjack("invoke", function, *(f"--layer={tmp_path}" for _ in range(6)))
    assert ended.code == 2
    assert "5 layers" in ended.message
