"""Functions of Lambda's own runtimes, created with boto3: Node.js, Python, Go, and those that this machine lacks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.clients import client_context, connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import RUNTIMES, Serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
LOGGED = "Invoke Error|Uncaught Exception|Unhandled Promise Rejection"
OTHER = "python3.13" if sys.version_info[1] != 13 else "python3.12"  # not the one that runs the server


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Python of another version than the server's, and one that does not work."""
    home = tmp_path_factory.mktemp("venv")
    folder = home / "bin"
    folder.mkdir()
    home.chmod(0o755)  # functions run as another user
    real = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    (home / "pyvenv.cfg").write_text(f"home = {real.parent}\n")  # so that a sandbox shows the real one, too
    minor = OTHER.removeprefix("python3.")
    # It says what it is, and runs as what is here.
    (folder / OTHER).write_text(
        f'#!/bin/sh\ncase "$1" in -c) echo 3.{minor}.1; echo "$0";; *) OTHER=1 exec {real} "$@";; esac\n'
    )
    (folder / "python3.10").write_text("#!/bin/sh\necho 'python3.10: command not found' >&2\nexit 127\n")
    for path in folder.iterdir():
        path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def server(other_python: Path) -> Iterator[Serve]:
    path = f"{other_python}:/usr/bin:/bin"
    with Serve(env={"PATH": path}) as server:
        yield server


@pytest.fixture(scope="module")
def old_server() -> Iterator[Serve]:
    with Serve("--limits", "2019") as server:
        yield server


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client


@pytest.fixture
def old(old_server: Serve) -> Iterator[Any]:
    with connected(old_server.url) as client:
        yield client


def create(client: Any, name: str, runtime: str, files: Mapping[str, str], handler: str, **settings: Any) -> None:
    code = {"ZipFile": package({path: textwrap.dedent(text) for path, text in files.items()})}
    client.create_function(
        FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Code=code, Timeout=30, **settings
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})


def node(client: Any, name: str, source: str, **settings: Any) -> None:
    create(client, name, "nodejs20.x", {"index.js": source}, "index.handler", **settings)


@pytest.mark.both_sandboxes
def test_an_async_handler_and_its_context(client: Any) -> None:
    node(
        client,
        "context",
        """
        exports.handler = async (event, context) => {
          console.log('seen', { event });
          const { getRemainingTimeInMillis, ...shown } = context;
          return { event, shown, left: context.getRemainingTimeInMillis() };
        };
        """,
    )
    context = {"custom": {"a": "ü"}, "client": {"app_title": "t"}}
    answer = invoke(client, {"n": 1}, "context", ClientContext=client_context(context), LogType="Tail")
    document = answer.document
    assert answer.error is None
    assert document["event"] == {"n": 1}
    assert 0 < document["left"] <= 30_000
    shown = document["shown"]
    assert shown["clientContext"] == context
    assert (shown["functionName"], shown["functionVersion"], shown["memoryLimitInMB"]) == (
        "context",
        "$LATEST",
        "128",
    )
    assert shown["invokedFunctionArn"].endswith(":function:context")
    line = (
        rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{shown['awsRequestId']}\tINFO\tseen {{ event: {{ n: 1 }} }}\n"
    )
    assert re.search(line, answer.log)


def test_a_callback_is_answered_when_nothing_is_left_to_do(client: Any) -> None:
    node(
        client,
        "callbacks",
        """
        let late = 'nothing';
        exports.handler = (event, context, callback) => {
          if (event === 'late') return callback(null, late);
          if (event === 'none') return;
          context.callbackWaitsForEmptyEventLoop = event === 'waits';
          late = 'not yet';
          setTimeout(() => { late = 'done'; }, 50);
          callback(null, { get late() { return late; } });
        };
        """,
    )
    assert invoke(client, "waits", "callbacks").document == {"late": "done"}
    assert invoke(client, "goes", "callbacks").document == {"late": "not yet"}
    assert invoke(client, "none", "callbacks").document is None


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ("throw", "TypeError", "it broke"),
        ("reject", "CustomError", "it broke"),
        ("callback", "string", "it broke"),
        ("uncaught", "Error", "it broke"),
        ("unhandled", "Runtime.UnhandledPromiseRejection", "Error: it broke"),
    ],
)
def test_errors_reach_the_caller(client: Any, event: str, kind: str, message: str) -> None:
    name = f"errors-{event}"
    node(
        client,
        name,
        """
        class CustomError extends Error { get name() { return 'CustomError'; } }
        exports.handler = (event, context, callback) => {
          if (event === 'throw') throw new TypeError('it broke');
          if (event === 'reject') return Promise.reject(new CustomError('it broke'));
          if (event === 'callback') return callback('it broke');
          if (event === 'uncaught') return void setTimeout(() => { throw new Error('it broke'); }, 1);
          if (event === 'unhandled') return void setTimeout(() => Promise.reject(new Error('it broke')), 1);
          return Promise.resolve('fine');
        };
        """,
    )
    answer = invoke(client, event, name, LogType="Tail")
    assert answer.error == "Unhandled"
    assert {key: answer.document[key] for key in ("errorType", "errorMessage")} == {
        "errorType": kind,
        "errorMessage": message,
    }
    assert isinstance(answer.document["trace"], list)
    assert re.search(rf"\tERROR\t({LOGGED}) \t.*{message}", answer.log)
    assert invoke(client, "fine", name).document == "fine"  # in a new process, if the old one has ended


@pytest.mark.parametrize(
    ("files", "handler", "kind", "words"),
    [
        ({"index.js": ""}, "other.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'other'"),
        (
            {"index.js": "require('absent')"},
            "index.handler",
            "Runtime.ImportModuleError",
            "Cannot find module 'absent'",
        ),
        ({"index.js": ""}, "index.handler", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        ({"index.js": "exports.handler = 1"}, "index.handler", "Runtime.HandlerNotFound", "is not a function"),
        ({"index.js": "exports = {"}, "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ({"index.js": "throw new RangeError('at once')"}, "index.handler", "RangeError", "at once"),
    ],
)
@pytest.mark.both_sandboxes
def test_what_keeps_a_handler_from_loading_is_said(
    client: Any, request: pytest.FixtureRequest, files: dict[str, str], handler: str, kind: str, words: str
) -> None:
    name = "load" + re.sub(r"\W", "", request.node.callspec.id)[:40] + str(abs(hash(request.node.name)))
    create(client, name, "nodejs20.x", files, handler)
    answer = invoke(client, 1, name)
    assert answer.error == "Unhandled"
    assert answer.document["errorType"] == kind
    assert words in answer.document["errorMessage"]


MODULE = "export const deep = { handler: async (event) => ['module', event] };"


@pytest.mark.parametrize(
    ("name", "files", "handler"),
    [
        ("mjs", {"index.mjs": MODULE}, "index.deep.handler"),
        ("type-module", {"package.json": '{"type": "module"}', "index.js": MODULE}, "index.deep.handler"),
        ("nested", {"a/b/index.mjs": MODULE}, "a/b/index.deep.handler"),
        ("cjs", {"index.cjs": "exports.f = async (event) => ['module', event];"}, "index.f"),
        ("default", {"index.mjs": "export default { f: async (event) => ['module', event] };"}, "index.f"),
    ],
)
@pytest.mark.both_sandboxes
def test_modules_of_every_kind(client: Any, name: str, files: dict[str, str], handler: str) -> None:
    create(client, name, "nodejs20.x", files, handler)
    assert invoke(client, 7, name).document == ["module", 7]


@pytest.mark.both_sandboxes
def test_a_layer_brings_packages(client: Any) -> None:
    files = {"nodejs/node_modules/greeting/index.js": "module.exports = (name) => `hello ${name}`;"}
    layer = client.publish_layer_version(LayerName="node", Content={"ZipFile": package(files)})
    layers = [layer["LayerVersionArn"]]
    source = "const greeting = require('greeting'); exports.handler = async (name) => greeting(name);"
    node(client, "layered", source, Layers=layers)
    assert invoke(client, "you", "layered").document == "hello you"
    module = {"index.mjs": "import greeting from 'greeting'; export const handler = async (name) => greeting(name);"}
    create(client, "layered-module", "nodejs20.x", module, "index.handler", Layers=layers)
    assert invoke(client, "all", "layered-module").document == "hello all"


def test_a_response_is_streamed(client: Any) -> None:
    node(
        client,
        "streaming",
        """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          if (event === 'http') stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
          stream.write('one ');
          if (event === 'break') throw new Error('it broke');
          stream.end('two');
        });
        """,
    )
    assert invoke(client, "plain", "streaming").payload == b"one two"
    prelude = b'{"statusCode":201}' + bytes(8)
    assert invoke(client, "http", "streaming").payload == prelude + b"one two"
    answer = invoke(client, "break", "streaming")
    assert (answer.error, answer.document["errorMessage"]) == ("Unhandled", "it broke")


@pytest.mark.both_sandboxes
def test_a_wrapper_starts_the_runtime(client: Any) -> None:
    source = "exports.handler = async () => require('os').getPriority();"
    node(client, "wrapped", source)
    alone = invoke(client, 1, "wrapped").document
    wrap(client, "/usr/bin/nice")  # which lowers the priority of what it starts by ten
    assert invoke(client, 1, "wrapped").document == min(alone + 10, 19)
    wrap(client, "/usr/bin/absent")
    message = invoke(client, 1, "wrapped").document["errorMessage"]
    assert message.endswith("fork/exec /usr/bin/absent: no such file or directory")


def wrap(client: Any, wrapper: str) -> None:
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": wrapper}
    client.update_function_configuration(FunctionName="wrapped", Environment={"Variables": variables})
    client.get_waiter("function_updated_v2").wait(FunctionName="wrapped", WaiterConfig={"Delay": 0.2})


def test_another_node_is_said_once(client: Any, server: Serve) -> None:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    wanted = "nodejs16.x" if not version.startswith("v16.") else "nodejs18.x"
    create(client, "other-node", wanted, {"index.js": "exports.handler = async () => 1;"}, "index.handler")
    for _ in range(2):
        assert invoke(client, 1, "other-node").document == 1
    line = f"other-node | bootjack: {wanted} runs on Node.js {version[1:]}, the one on the PATH\n"
    server.wait_for(re.escape(line))
    assert server.log().count(line) == 1


PYTHON = "import os\ndef handler(event, context):\n    return os.environ.get('OTHER')\n"


@pytest.mark.both_sandboxes
def test_the_python_of_a_function_runs_it(client: Any, server: Serve) -> None:
    create(client, "other-python", OTHER, {"app.py": PYTHON}, "app.handler")
    assert invoke(client, 1, "other-python").document == "1"
    assert "other-python | bootjack:" not in server.log()


@pytest.mark.both_sandboxes
def test_a_python_that_does_not_work_is_not_taken(client: Any, server: Serve) -> None:
    create(client, "no-python", "python3.10", {"app.py": PYTHON}, "app.handler")
    for _ in range(2):
        assert invoke(client, 1, "no-python").error is None
    line = server.wait_for(
        r"no-python \| bootjack: python3\.10 runs on Python 3\.\d+\.\d+, the nearest that works here\n"
    )
    assert server.log().count(line[0]) == 1


@pytest.mark.parametrize("runtime", ["java21", "ruby3.4", "dotnet8"])
def test_a_runtime_that_is_not_here_says_what_to_do(client: Any, runtime: str) -> None:
    name = runtime.replace(".", "-")
    create(client, name, runtime, {"code": ""}, "any")
    answer = invoke(client, 1, name)
    assert answer.error == "Unhandled"
    assert answer.document["errorType"] == "Runtime.InvalidEntrypoint"
    words = (
        f"bootjack has no runtime for {runtime}: put an executable `bootstrap` that runs it into the package or a "
    )
    words += "layer"
    assert answer.document["errorMessage"].endswith(words)


def test_without_node_its_functions_say_what_to_install() -> None:
    with Serve("--sandbox", "process", env={"PATH": "/nowhere"}) as server, connected(server.url) as client:
        node(client, "no-node", "exports.handler = async () => 1;")
        message = invoke(client, 1, "no-node").document["errorMessage"]
    assert "nodejs20.x cannot run: there is no Node.js here: install node and restart bootjack, or put" in message


@pytest.mark.both_sandboxes
def test_a_package_may_bring_what_is_not_here(client: Any) -> None:
    bootstrap = f"#!{shutil.which('node')}\n" + (RUNTIMES / "echo.js").read_text().partition("\n")[2]
    create(client, "own-ruby", "ruby3.3", {"bootstrap": bootstrap}, "any")
    assert invoke(client, {"a": 1}, "own-ruby").document == {"a": 1}


@pytest.mark.both_sandboxes
def test_a_go_function_is_its_executable(old: Any, tmp_path: Path) -> None:
    program = tmp_path / "main"
    subprocess.run(["gcc", "-static", "-o", program, RUNTIMES / "echo.c"], check=True, timeout=60)
    code = package({"bin/main": program.read_bytes()})
    old.create_function(FunctionName="go", Runtime="go1.x", Handler="bin/main", Role=ROLE, Code={"ZipFile": code})
    old.get_waiter("function_active_v2").wait(FunctionName="go", WaiterConfig={"Delay": 0.2})
    assert invoke(old, {"a": 1}, "go").document == {"a": 1}
    old.update_function_configuration(FunctionName="go", Handler="absent")
    old.get_waiter("function_updated_v2").wait(FunctionName="go", WaiterConfig={"Delay": 0.2})
    answer = invoke(old, 1, "go")
    assert answer.document["errorMessage"].endswith("/absent: no such file or directory")


def test_the_profile_of_2019_is_that_of_its_guide(old: Any) -> None:
    needed: dict[str, Any] = {
        "Role": ROLE,
        "Handler": "index.handler",
        "Code": {"ZipFile": package({"index.js": "x"})},
    }
    refused = {
        "nodejs6.10": "nodejs6.10 is no longer supported",
        "nodejs20.x": "nodejs20.x at 'runtime' failed to satisfy constraint",
    }
    for runtime, words in refused.items():
        with pytest.raises(ClientError, match=words):
            old.create_function(FunctionName="f", Runtime=runtime, **needed)
    with pytest.raises(ClientError, match="Member must be a multiple of 64"):
        old.create_function(FunctionName="f", Runtime="nodejs10.x", MemorySize=200, **needed)
    create(
        old, "old", "nodejs10.x", {"index.js": "exports.handler = async () => 1;"}, "index.handler", MemorySize=192
    )
    answer = invoke(old, 1, "old", LogType="Tail")
    assert re.search(r"Billed Duration: \d*00 ms", answer.log)
    with pytest.raises(ClientError) as caught:
        old.invoke(FunctionName="old", InvocationType="Event", Payload=json.dumps("x" * 300_000))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
