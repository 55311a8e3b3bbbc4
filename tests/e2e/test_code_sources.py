"""Code from S3, with moto's server as the peer, and from directories that are run as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import SECONDS, Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
CODE = "def handler(event, context):\n    return {!r}\n"
LAYERED = "import library\n\ndef handler(event, context):\n    return library.WORD\n"


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """Run moto's server with a bucket that keeps versions."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3 = boto3.resource(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    bucket = s3.create_bucket(Bucket="code")
    bucket.Versioning().enable()
    yield bucket
    server.stop()


@pytest.fixture(scope="module")
def server(bucket: Any) -> Iterator[Serve]:
    with Serve("--s3-endpoint", bucket.meta.client.meta.endpoint_url) as server:
        yield server


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client


def create(client: Any, name: str, **code: Any) -> Any:
    created = client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    return created


def refuses(client: Any, text: str, **code: Any) -> None:
    """Try to create a function, which must be refused with this text."""
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=text):
        create(client, "refused", **code)


def test_a_function_runs_from_the_object_and_version_that_are_named(client: Any, bucket: Any) -> None:
    first = bucket.put_object(Key="dir/app ä.zip", Body=package({"app.py": CODE.format("one")})).version_id
    second = package({"app.py": CODE.format("two")})
    bucket.put_object(Key="dir/app ä.zip", Body=second)
    created = create(client, "f", S3Bucket="code", S3Key="dir/app ä.zip", S3ObjectVersion=first)
    assert invoke(client, {}, "f").document == "one"
    updated = client.update_function_code(FunctionName="f", S3Bucket="code", S3Key="dir/app ä.zip")
    assert (updated["CodeSize"], updated["CodeSha256"] != created["CodeSha256"]) == (len(second), True)
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.2})
    assert invoke(client, {}, "f").document == "two"


def test_a_layer_is_published_from_an_object(client: Any, bucket: Any) -> None:
    bucket.put_object(Key="layer.zip", Body=package({"python/library.py": "WORD = 'layered'\n"}))
    layer = client.publish_layer_version(LayerName="l", Content={"S3Bucket": "code", "S3Key": "layer.zip"})
    create(client, "layered", ZipFile=package({"app.py": LAYERED}))
    client.update_function_configuration(FunctionName="layered", Layers=[layer["LayerVersionArn"]])
    client.get_waiter("function_updated_v2").wait(FunctionName="layered", WaiterConfig={"Delay": 0.2})
    assert invoke(client, {}, "layered").document == "layered"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (
            {"S3Bucket": "no-such-bucket", "S3Key": "a"},
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. "
            "S3 Error Message: The specified bucket does not exist",
        ),
        (
            {"S3Bucket": "code", "S3Key": "a"},
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
            "S3 Error Message: The specified key does not exist.",
        ),
    ],
)
def test_an_object_that_is_not_there_is_refused_in_s3s_words(client: Any, place: dict[str, str], text: str) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException) as refusal:
        create(client, "missing", **place)
    assert refusal.value.response["Error"]["Message"] == text
    assert "missing" not in [each["FunctionName"] for each in client.list_functions()["Functions"]]


def test_an_object_that_is_no_archive_is_refused(client: Any, bucket: Any) -> None:
    bucket.put_object(Key="text", Body=b"no archive")
    refuses(client, "Could not unzip uploaded file", S3Bucket="code", S3Key="text")


def test_a_bucket_without_a_key_is_refused(client: Any) -> None:
    refuses(client, "Name S3Bucket and S3Key together", S3Bucket="code")


def test_the_option_is_named_where_there_is_no_s3() -> None:
    with Serve() as server, connected(server.url) as client:
        refuses(client, "--s3-endpoint URL", S3Bucket="code", S3Key="a")
    with Serve(env={"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}) as server, connected(server.url) as client:
        refuses(client, "Could not connect", S3Bucket="code", S3Key="a")


def test_an_endpoint_that_is_no_url_is_a_usage_error() -> None:
    ended = bootjack("serve", "--s3-endpoint", "127.0.0.1:5000", seconds=SECONDS)
    assert ended.code == 2
    assert "is not a URL such as http://127.0.0.1:5000" in ended.message


def test_a_directory_is_run_as_it_is_whenever_it_changes_also_after_a_restart(tmp_path: Path) -> None:
    code, layer = tmp_path / "code", tmp_path / "layer"
    code.mkdir()
    (code / "app.py").write_text(LAYERED)
    (layer / "python").mkdir(parents=True)
    library = layer / "python" / "library.py"
    library.write_text("WORD = 'one'\n")
    with Serve("--data", tmp_path / "data") as server, connected(server.url) as client:
        create(client, "hot", S3Bucket="hot-reload", S3Key=str(code))
        content = {"S3Bucket": "hot-reload", "S3Key": str(layer)}
        arn = client.publish_layer_version(LayerName="l", Content=content)["LayerVersionArn"]
        client.update_function_configuration(FunctionName="hot", Layers=[arn])
        client.get_waiter("function_updated_v2").wait(FunctionName="hot", WaiterConfig={"Delay": 0.2})
        assert client.get_function(FunctionName="hot")["Code"]["Location"] == f"file://{code}"
        assert [invoke(client, {}, "hot").document for _ in range(2)] == ["one", "one"]
        # Of differing lengths: with bytecode, Python takes a file of the same size and second for unchanged.
        for word in ("three", "thirty"):
            library.write_text(f"WORD = {word!r}\n")
            assert [invoke(client, {}, "hot").document for _ in range(2)] == [word, word]
        (code / "app.py").write_text(CODE.format("four"))
        assert invoke(client, {}, "hot").document == "four"
    with Serve("--data", tmp_path / "data") as server, connected(server.url) as client:
        assert invoke(client, {}, "hot").document == "four"
        (code / "app.py").write_text(CODE.format("fifteen"))
        assert invoke(client, {}, "hot").document == "fifteen"
        client.delete_function(FunctionName="hot")
    assert (code / "app.py").exists()


def test_environments_are_kept_while_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\n\ndef handler(event, context):\n    return os.getpid()\n")
    with Serve("--sandbox", "process") as server, connected(server.url) as client:
        create(client, "hot", S3Bucket="hot-reload", S3Key=str(tmp_path))
        assert len({invoke(client, {}, "hot").document for _ in range(5)}) == 1


@pytest.mark.parametrize("key", ["relative", "/no/such/directory", "$PWD"])
def test_what_is_no_directory_is_refused(client: Any, key: str) -> None:
    refuses(client, "absolute path of a directory", S3Bucket="hot-reload", S3Key=key)


def test_directories_can_be_refused(tmp_path: Path) -> None:
    with Serve("--no-hot-reload") as server, connected(server.url) as client:
        refuses(client, "--s3-endpoint", S3Bucket="hot-reload", S3Key=str(tmp_path))
