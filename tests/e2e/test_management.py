"""Functions that boto3 creates: they run from their packages, change, have versions and aliases, and go."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import signal
import urllib.error
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
PYTHON = """
import os

def handler(event, context):
    return [event, {!r}, os.environ.get('SET'), context.function_version, context.invoked_function_arn]
"""
SHELL = """#!/bin/sh
while true; do
  curl -sfLD /tmp/head -o /tmp/event "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"
  id=$(grep -i lambda-runtime-aws-request-id /tmp/head | tr -d '[:space:]' | cut -d: -f2)
  curl -sf -d "\\"shell: $(cat answer)\\"" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
done
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Serve(f"local={write_bootstrap(tmp_path_factory.mktemp('code'))}") as server:
        yield server


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client


@pytest.fixture
def function(client: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """Create a Python function for one test."""
    name = request.node.name.replace("[", "-").replace("]", "")[:60]
    create(client, name)
    yield name
    client.delete_function(FunctionName=name)


def create(client: Any, name: str, code: bytes | None = None, **settings: Any) -> Any:
    needed = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE}
    content = package({"app.py": PYTHON.format("one")}) if code is None else code
    created = client.create_function(FunctionName=name, Code={"ZipFile": content}, **(needed | settings))
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    return created


def change(client: Any, name: str, operation: str, **parameters: Any) -> None:
    getattr(client, operation)(FunctionName=name, **parameters)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})


@pytest.mark.both_sandboxes
def test_a_package_runs_as_it_was_uploaded(client: Any, function: str) -> None:
    content = package({"app.py": PYTHON.format("one")})
    shown = client.get_function(FunctionName=function)["Configuration"]
    assert shown["CodeSha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert shown["CodeSize"] == len(content)
    assert invoke(client, {"a": 1}, function).document == [{"a": 1}, "one", None, "$LATEST", f"{ARN}{function}"]


@pytest.mark.both_sandboxes
def test_a_custom_runtime_runs(client: Any) -> None:
    create(client, "shell", package({"bootstrap": SHELL, "answer": "yes"}), Runtime="provided.al2023", Handler="h")
    assert invoke(client, {}, "shell").document == "shell: yes"
    client.delete_function(FunctionName="shell")


@pytest.mark.both_sandboxes
def test_changes_take_effect_in_new_environments(client: Any, function: str) -> None:
    invoke(client, {}, function)
    change(client, function, "update_function_code", ZipFile=package({"app.py": PYTHON.format("two")}))
    assert invoke(client, {}, function).document[1:3] == ["two", None]
    change(client, function, "update_function_configuration", Environment={"Variables": {"SET": "now"}})
    assert invoke(client, {}, function).document[1:3] == ["two", "now"]
    change(client, function, "update_function_code", ZipFile=package({"other.py": PYTHON.format("three")}))
    assert "Unable to import module 'app'" in invoke(client, {}, function).document["errorMessage"]
    change(client, function, "update_function_configuration", Handler="other.handler")
    assert invoke(client, {}, function).document[1] == "three"


def test_versions_stay_as_they_were_published(client: Any, function: str) -> None:
    assert client.publish_version(FunctionName=function)["Version"] == "1"
    change(client, function, "update_function_code", ZipFile=package({"app.py": PYTHON.format("two")}))
    assert client.publish_version(FunctionName=function)["Version"] == "2"
    for qualifier, code in (("1", "one"), ("2", "two")):
        answer = invoke(client, {}, function, Qualifier=qualifier)
        assert answer.version == qualifier
        assert answer.document == [{}, code, None, qualifier, f"{ARN}{function}:{qualifier}"]


def test_an_alias_shares_its_traffic_out(client: Any, function: str) -> None:
    client.publish_version(FunctionName=function)
    change(client, function, "update_function_code", ZipFile=package({"app.py": PYTHON.format("two")}))
    client.publish_version(FunctionName=function)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    answer = invoke(client, {}, function, Qualifier="live")
    assert (answer.version, answer.document[4]) == ("1", f"{ARN}{function}:live")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    client.update_alias(FunctionName=function, Name="live", RoutingConfig=weights)
    drawn = Counter(invoke(client, {}, f"{function}:live").version for _ in range(60))
    assert drawn.keys() == {"1", "2"}  # one of them alone has a chance of 2 in 2 ** 60


def test_a_function_without_concurrency_is_throttled(client: Any, function: str) -> None:
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException) as refusal:
        invoke(client, {}, function)
    assert refusal.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    client.delete_function_concurrency(FunctionName=function)
    assert invoke(client, {}, function).status == 200


def test_a_function_of_the_command_line_is_one_of_the_service(client: Any) -> None:
    assert "local" in [each["FunctionName"] for each in client.list_functions()["Functions"]]
    assert client.get_function_configuration(FunctionName="local")["Runtime"] == "provided.al2023"
    client.tag_resource(Resource=f"{ARN}local", Tags={"a": "b"})
    assert client.get_function(FunctionName="local")["Tags"] == {"a": "b"}
    change(client, "local", "update_function_configuration", Environment={"Variables": {"SET": "now"}})
    assert client.publish_version(FunctionName="local")["Version"] == "1"
    assert invoke(client, {"a": 1}, "local:1").document == {"a": 1}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"no archive", "Could not unzip uploaded file."),
        (b"", "Uploaded file must be a non-empty zip"),
        (package({}), "Uploaded file must be a non-empty zip"),
    ],
)
def test_a_package_that_is_none_is_refused(client: Any, content: bytes, text: str) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=text) as refusal:
        create(client, "broken", content)
    assert "/tmp" not in str(refusal.value)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="broken")


def test_an_image_for_a_package_is_refused(client: Any, function: str) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Please don't provide ImageUri"):
        client.update_function_code(FunctionName=function, ImageUri="registry/image:1")


@pytest.mark.both_sandboxes
def test_a_deleted_function_is_gone(client: Any) -> None:
    create(client, "gone")
    invoke(client, {}, "gone")
    client.delete_function(FunctionName="gone")
    for call in (client.get_function, client.invoke, client.delete_function):
        with pytest.raises(client.exceptions.ResourceNotFoundException, match=f"Function not found: {ARN}gone"):
            call(FunctionName="gone")


def test_the_event_type_runs_created_functions(client: Any, function: str, server: Serve) -> None:
    change(
        client,
        function,
        "update_function_code",
        ZipFile=package({"app.py": "def handler(e, c):\n    print('seen', e)\n"}),
    )
    assert (
        client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps("later"))["StatusCode"] == 202
    )
    server.wait_for("seen later")


# --data: what outlives the server


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_everything_is_there_again_after_a_restart(kept: Path) -> None:
    with Serve("--data", kept) as server, connected(server.url) as client:
        content = {"ZipFile": package({"python/shared.py": "text = 'kept'\n"})}
        layer = client.publish_layer_version(LayerName="shared", Content=content)["LayerVersionArn"]
        create(client, "f", Tags={"a": "b"}, Layers=[layer])
        client.publish_version(FunctionName="f")
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        change(client, "f", "update_function_code", ZipFile=package({"app.py": PYTHON.format("two")}))
        create(client, "gone", Publish=True)
        client.delete_function(FunctionName="gone")
        before = [client.get_function(FunctionName=name)["Configuration"] for name in ("f", "f:1", "f:live")]
    with Serve("--data", kept) as server, connected(server.url) as client:
        after = [client.get_function(FunctionName=name)["Configuration"] for name in ("f", "f:1", "f:live")]
        assert after == before
        assert client.list_tags(Resource=f"{ARN}f")["Tags"] == {"a": "b"}
        assert client.list_layers()["Layers"][0]["LatestMatchingVersion"]["LayerVersionArn"] == layer
        assert [invoke(client, {}, name).document[1] for name in ("f", "f:1", "f:live")] == ["two", "one", "one"]
        assert create(client, "gone", Publish=True)["Version"] == "2"


def test_what_was_answered_survives_kill_9(kept: Path, tmp_path: Path) -> None:
    with Serve("--data", kept, env={"TMPDIR": str(tmp_path)}) as server, connected(server.url) as client:
        create(client, "f")
        client.tag_resource(Resource=f"{ARN}f", Tags={"last": "one"})
        server.stop(signal.SIGKILL)
    with Serve("--data", kept) as again, connected(again.url) as client:
        assert client.list_tags(Resource=f"{ARN}f")["Tags"] == {"last": "one"}
        assert invoke(client, {}, "f").document[1] == "one"


def test_a_second_server_is_refused(kept: Path) -> None:
    with Serve("--data", kept):
        refused = bootjack("serve", "--port", "0", "--data", str(kept))
    assert refused.code == 2
    assert "is used by another server" in refused.err


def test_no_old_code_stays_on_disk(kept: Path) -> None:
    with Serve("--data", kept) as server, connected(server.url) as client:
        create(client, "f")
        for number in range(3):
            change(client, "f", "update_function_code", ZipFile=package({"app.py": PYTHON.format(number)}))
        assert len(list((kept / "packages").iterdir())) == 1
        with pytest.raises(client.exceptions.ResourceConflictException):
            create(client, "f", package({"other": ""}))
        assert len(list((kept / "packages").iterdir())) == 1
        client.delete_function(FunctionName="f")
        assert list((kept / "packages").iterdir()) == []


@pytest.mark.both_sandboxes
def test_layers_are_found_in_opt_and_stay_when_they_are_deleted(client: Any) -> None:
    reads = "def handler(event, context):\n    import shared\n    return shared.text\n"
    arns = []
    for text in ("first", "second"):
        content = {"ZipFile": package({"python/shared.py": f"text = {text!r}\n"})}
        arns.append(client.publish_layer_version(LayerName="shared", Content=content)["LayerVersionArn"])
    create(client, "layered", package({"app.py": reads}), Layers=[arns[0]])
    client.delete_layer_version(LayerName="shared", VersionNumber=1)
    assert invoke(client, {}, "layered").document == "first"
    change(client, "layered", "update_function_configuration", Layers=[arns[1]])
    assert invoke(client, {}, "layered").document == "second"
    client.delete_function(FunctionName="layered")


def test_packages_can_be_fetched_by_their_links_only(client: Any, function: str) -> None:
    location = client.get_function(FunctionName=function)["Code"]["Location"]
    with urllib.request.urlopen(location) as answer:
        assert answer.read() == package({"app.py": PYTHON.format("one")})
    for forged in (location.partition("?")[0], location.replace("Expires=1", "Expires=2"), location[:-1]):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(forged)


def test_an_upload_may_have_50_mb(client: Any) -> None:
    rest = random.Random(50).randbytes(52_000_000).hex()[:52_000_000]
    content = package({"app.py": PYTHON.format("large"), "rest": rest})
    assert 51_000_000 < len(content) < 52_428_800
    create(client, "large", content)
    assert invoke(client, {}, "large").document[1] == "large"
    client.delete_function(FunctionName="large")


def test_an_image_is_kept_and_says_that_it_is_not_run(tmp_path: Path) -> None:
    code = {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/r:1"}
    with Serve("--data", tmp_path / "data") as server, connected(server.url) as client:
        client.create_function(FunctionName="i", Role=ROLE, PackageType="Image", Code=code)
        answer = invoke(client, {}, "i")
        assert answer.error == "Unhandled"
        assert answer.document["errorType"] == "Runtime.InvalidEntrypoint"
        server.wait_for("does not run them")
    with Serve("--data", tmp_path / "data") as server, connected(server.url) as client:
        assert client.get_function(FunctionName="i")["Code"]["RepositoryType"] == "ECR"
        assert invoke(client, {}, "i").error == "Unhandled"
        client.delete_function(FunctionName="i")


def test_failed_events_are_tried_again_as_configured(tmp_path: Path) -> None:
    fails = package(
        {"app.py": "def handler(event, context):\n    print('tried', event, context.aws_request_id)\n    1 / 0\n"}
    )
    with Serve("--async-retry-base", "0.05") as server, connected(server.url) as client:
        create(client, "f", fails)
        client.invoke(FunctionName="f", InvocationType="Event", Payload=b'"first"')
        server.wait_for("of f is given up: it has failed 3 times")
        assert len(set(re.findall(r"tried first (\S+)", server.log()))) == 1
        client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
        client.invoke(FunctionName="f", InvocationType="Event", Payload=b'"second"')
        server.wait_for("of f is given up: it has failed\n")
        assert server.log().count("tried first") == 3
        assert server.log().count("tried second") == 1
