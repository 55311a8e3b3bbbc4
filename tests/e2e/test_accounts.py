"""What callers create belongs to the account and region that they sign for; the command line's answers everybody."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.commands.functions import write_bootstrap
from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Connect = Callable[..., Any]

pytestmark = pytest.mark.slow

CODE = """
import os

def handler(event, context):
    return [{!r}, os.environ['AWS_REGION'], context.invoked_function_arn]
"""


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open clients for an account and region; they are closed when the test ends."""
    with contextlib.ExitStack() as stack:

        def connect(url: str, key: str = "test", region: str = "us-east-1") -> Any:
            return stack.enter_context(connected(url, key, "test", region))

        yield connect


def create(client: Any, name: str, says: str) -> str:
    created = client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/r",
        Code={"ZipFile": package({"app.py": CODE.format(says)})},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    return str(created["FunctionArn"])


def names(client: Any) -> list[str]:
    return [each["FunctionName"] for each in client.list_functions()["Functions"]]


def arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def test_accounts_and_regions_have_functions_of_their_own_also_after_a_restart(
    connect: Connect, tmp_path: Path
) -> None:
    owners = [("test", "us-east-1"), ("test", "eu-west-3"), ("111122223333", "us-east-1")]
    accounts = {"test": "123456789012"}
    with Serve("--data", tmp_path / "data") as server:
        for key, region in owners:
            client = connect(server.url, key, region)
            assert names(client) == []
            assert create(client, "same", f"{key} {region}") == arn(accounts.get(key, key), region, "same")
            client.publish_layer_version(LayerName=f"of-{region}", Content={"ZipFile": package({"a": key})})
        home = connect(server.url)
        assert home.publish_version(FunctionName="same")["Version"] == "1"
        home.delete_function(FunctionName="same")
        paris = connect(server.url, region="eu-west-3")
        assert paris.publish_version(FunctionName="same")["Version"] == "1"
    with Serve("--data", tmp_path / "data") as server:
        assert names(connect(server.url)) == []
        for key, region in owners[1:]:
            client = connect(server.url, key, region)
            shown = arn(accounts.get(key, key), region, "same")
            assert invoke(client, {}, "same").document == [f"{key} {region}", region, shown]
            assert [each["LayerName"] for each in client.list_layers()["Layers"]] == [f"of-{region}"]
        home = connect(server.url)
        create(home, "same", "again")
        assert home.publish_version(FunctionName="same")["Version"] == "2"  # no number is used twice


def test_the_command_lines_functions_answer_every_owner_that_has_none_of_the_name(
    connect: Connect, tmp_path: Path
) -> None:
    home = arn("123456789012", "us-east-1", "local")
    with Serve(f"local={write_bootstrap(tmp_path / 'code')}") as server:
        paris = connect(server.url, "111122223333", "eu-west-3")
        for name in ("local", home, "local:$LATEST", arn("111122223333", "eu-west-3", "local")):
            assert invoke(paris, {"a": 1}, name).document == {"a": 1}
        assert names(paris) == ["local"]
        assert paris.get_function(FunctionName="local")["Configuration"]["FunctionArn"] == home
        paris.tag_resource(Resource=home, Tags={"a": "b"})
        assert connect(server.url).list_tags(Resource=home)["Tags"] == {"a": "b"}
        create(paris, "local", "own")
        assert invoke(paris, {}, "local").document[0] == "own"
        assert invoke(connect(server.url), {"a": 1}, "local").document == {"a": 1}
        assert json.loads(server.invoke(b'{"a": 2}', "local").body) == {"a": 2}
        paris.delete_function(FunctionName="local")
        assert invoke(paris, {"a": 3}, "local").document == {"a": 3}


def test_another_region_is_refused_and_a_caller_without_a_signature_is_helped(
    connect: Connect, tmp_path: Path
) -> None:
    with Serve("--data", tmp_path / "data") as server:
        paris = connect(server.url, region="eu-west-3")
        shown = create(paris, "f", "here")
        other = connect(server.url)
        for ask in (other.invoke, other.get_function):
            with pytest.raises(other.exceptions.ResourceNotFoundException, match="are not reachable in this region"):
                ask(FunctionName=shown)
        missing = server.invoke(name="f")
        assert missing.status == 404
        assert json.loads(missing.body)["KnownHere"] == [shown]
        assert json.loads(server.invoke(name=shown).body)[0] == "here"


def test_a_layer_is_used_by_the_accounts_that_it_is_shared_with(connect: Connect, tmp_path: Path) -> None:
    with Serve("--data", tmp_path / "data") as server:
        theirs, own = connect(server.url, "111122223333"), connect(server.url)
        content = {"ZipFile": package({"python/library.py": "WORD = 'shared'\n"})}
        layer = theirs.publish_layer_version(LayerName="l", Content=content)["LayerVersionArn"]
        create(own, "f", "own")
        with pytest.raises(ClientError, match="not authorized to perform: lambda:GetLayerVersion"):
            own.update_function_configuration(FunctionName="f", Layers=[layer])
        permission = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "123456789012"}
        theirs.add_layer_version_permission(LayerName="l", VersionNumber=1, **permission)
        own.update_function_configuration(FunctionName="f", Layers=[layer])
        own.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.2})
        theirs.delete_layer_version(LayerName="l", VersionNumber=1)  # the function keeps it
        code = "import library\n\ndef handler(event, context):\n    return library.WORD\n"
        own.update_function_code(FunctionName="f", ZipFile=package({"app.py": code}))
        own.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.2})
        assert invoke(own, {}, "f").document == "shared"


def test_a_presigned_request_belongs_to_its_signer(connect: Connect, tmp_path: Path) -> None:
    with Serve("--data", tmp_path / "data") as server:
        client = connect(server.url, "111122223333", "eu-west-3")
        create(client, "f", "here")
        url = client.generate_presigned_url("invoke", Params={"FunctionName": "f"}, HttpMethod="POST")
        with server.connection() as connection:
            connection.request("POST", url.removeprefix(server.url), b"{}")
            assert json.loads(connection.getresponse().read())[0] == "here"
