"""The tutorials of the developer guide of 2019, command by command, with the AWS CLI 2 and nothing but an endpoint.

What the guide's print has damaged is repaired: quotes in the bootstrap, `file://` for `fileb://`, unquoted JSON.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.aws_commands import REGION, Lambda, ready
from tests.e2e.clients import aws_cli_2, connected
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.aws_commands import Run

pytestmark = pytest.mark.slow

AS_VERSION_1 = ("--cli-binary-format", "raw-in-base64-out")  # for which the guide was written
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:"
LAYER = f"arn:aws:lambda:{REGION}:123456789012:layer:"
ROLE = "arn:aws:iam::123456789012:role/lambda-role"

EXAMPLE = Path(__file__).parents[2] / "examples" / "bash-runtime"
BOOTSTRAP, FUNCTION = ((EXAMPLE / name).read_text() for name in ("bootstrap", "function.sh"))
SHOWING = BOOTSTRAP.replace("pipefail\n", "pipefail\necho '## Environment variables:'; env\n")
HELLO = """
exports.handler = (event, _context, callback) => {
    for (const number of [1, 2, 3]) console.log(`value${number} =`, event[`key${number}`]);
    callback(null, "Success");
};
"""
VERSIONED = "def handler(event, context): return [{!r}, context.invoked_function_arn]"


@pytest.fixture(scope="module")
def server() -> Iterator[Serve]:
    with Serve("--limits", "2019", "--enforce-policies") as server:
        yield server


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with ready(aws_cli_2()) as run:
        yield run


@pytest.fixture
def cli(run: Run, server: Serve, tmp_path: Path) -> Lambda:
    return Lambda(run, server.url, tmp_path, *AS_VERSION_1)


@pytest.fixture
def rest(server: Serve) -> Iterator[Any]:
    """Wait until a function is at rest: people need longer for the next command."""
    with connected(server.url, "123456789012", region=REGION) as client:
        yield lambda name: client.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.2}
        )


def test_a_custom_runtime_and_its_layer(cli: Lambda, rest: Any, server: Serve) -> None:
    """Guide 4711-4980."""
    (cli.folder / "function.zip").write_bytes(package({"function.sh": FUNCTION, "bootstrap": BOOTSTRAP}))
    created = cli(
        "create-function --function-name bash-runtime --zip-file fileb://function.zip --handler function.handler "
        f"--runtime provided --role {ROLE}"
    )
    assert created["FunctionArn"] == f"{ARN}bash-runtime"
    assert (created["Timeout"], created["MemorySize"], created["Version"]) == (3, 128, "$LATEST")
    printed = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    answer = """Echoing request: '{"text":"Hello"}'"""
    assert cli.invoke("bash-runtime", '{"text":"Hello"}') == (printed, answer)

    (cli.folder / "runtime.zip").write_bytes(package({"bootstrap": BOOTSTRAP}))
    published = cli("publish-layer-version --layer-name bash-runtime --zip-file fileb://runtime.zip")
    assert (published["LayerVersionArn"], published["Version"]) == (f"{LAYER}bash-runtime:1", 1)
    layers = "update-function-configuration --function-name bash-runtime --layers"
    size = published["Content"]["CodeSize"]
    assert cli(f"{layers} {LAYER}bash-runtime:1")["Layers"] == [{"Arn": f"{LAYER}bash-runtime:1", "CodeSize": size}]
    rest("bash-runtime")
    (cli.folder / "function-only.zip").write_bytes(package({"function.sh": FUNCTION}))
    code = "update-function-code --function-name bash-runtime --zip-file fileb://function-only.zip"
    assert [layer["Arn"] for layer in cli(code)["Layers"]] == [f"{LAYER}bash-runtime:1"]
    rest("bash-runtime")
    assert cli.invoke("bash-runtime", '{"text":"Hello"}') == (printed, answer)

    (cli.folder / "runtime.zip").write_bytes(package({"bootstrap": SHOWING}))
    assert cli("publish-layer-version --layer-name bash-runtime --zip-file fileb://runtime.zip")["Version"] == 2
    cli(f"{layers} {LAYER}bash-runtime:2")
    rest("bash-runtime")
    assert cli.invoke("bash-runtime", '{"text":"Hello"}') == (printed, answer)
    server.wait_for(r"bash-runtime \| ## Environment variables:")
    server.wait_for(r"bash-runtime \| _HANDLER=function\.handler")

    shared = cli(
        'add-layer-version-permission --layer-name bash-runtime --version-number 2 --principal "*" '
        "--statement-id publish --action lambda:GetLayerVersion"
    )
    assert json.loads(shared["Statement"]) == {
        "Sid": "publish",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{LAYER}bash-runtime:2",
    }
    for number in (1, 2):
        assert cli(f"delete-layer-version --layer-name bash-runtime --version-number {number}") is None
    assert cli.invoke("bash-runtime", '{"text":"Hello"}') == (printed, answer)  # the function has its layer still
    assert "does not exist" in cli.refused(f"{layers} {LAYER}bash-runtime:1")
    cli("delete-function --function-name bash-runtime")
    assert "(ResourceNotFoundException)" in cli.refused("invoke --function-name bash-runtime response.txt")


def test_hello_world(cli: Lambda) -> None:
    """Guide 3700-3862."""
    (cli.folder / "function.zip").write_bytes(package({"index.js": HELLO}))
    cli(
        "create-function --function-name helloworld --zip-file fileb://function.zip --handler index.handler "
        f"--runtime nodejs8.10 --role {ROLE}"
    )
    event = '{"key1":"value1", "key2":"value2", "key3":"value3"}'
    printed, answer = cli.invoke("helloworld", event, "--log-type Tail")
    assert (printed["StatusCode"], answer) == (200, '"Success"')
    log = base64.b64decode(printed["LogResult"]).decode()
    for number in (1, 2, 3):
        assert re.search(rf"\tvalue{number} = value{number}$", log, re.MULTILINE)
    assert re.search(r"^START RequestId: \S+ Version: \$LATEST\n", log, re.MULTILINE)
    assert re.search(r"\tBilled Duration: \d*00 ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\t", log)
    cli(
        "create-function --function-name another --zip-file fileb://function.zip --handler index.handler "
        f"--runtime nodejs8.10 --role {ROLE}"
    )
    listed = cli("list-functions --max-items 1")
    assert [each["FunctionName"] for each in listed["Functions"]] == ["another"]
    rest = cli(f"list-functions --max-items 10 --starting-token {listed['NextToken']}")
    assert [each["FunctionName"] for each in rest["Functions"]] == ["helloworld"]
    found = cli("get-function --function-name helloworld")
    assert found["Code"]["RepositoryType"] == "S3"
    with urllib.request.urlopen(found["Code"]["Location"]) as archive:
        assert archive.read() == (cli.folder / "function.zip").read_bytes()
    for name in ("helloworld", "another"):
        cli(f"delete-function --function-name {name}")
    assert cli("list-functions")["Functions"] == []


def test_versions_and_aliases_with_weights(cli: Lambda, rest: Any) -> None:
    """Guide 2280-2400 and 2560-2583."""
    for number in (1, 2):
        (cli.folder / f"{number}.zip").write_bytes(package({"app.py": VERSIONED.format(number)}))
    cli(
        "create-function --function-name helloworld --zip-file fileb://1.zip --handler app.handler "
        f"--runtime python3.7 --role {ROLE}"
    )
    dev = cli(
        "create-alias --function-name helloworld --name DEV --description 'sample alias' --function-version '$LATEST'"
    )
    assert dev.pop("RevisionId")
    assert dev == {
        "AliasArn": f"{ARN}helloworld:DEV",
        "FunctionVersion": "$LATEST",
        "Name": "DEV",
        "Description": "sample alias",
    }
    rest("helloworld")
    assert cli("publish-version --function-name helloworld")["FunctionArn"] == f"{ARN}helloworld:1"
    for alias in ("BETA", "PROD"):
        cli(f"create-alias --function-name helloworld --function-version 1 --name {alias}")
    assert cli("publish-version --function-name helloworld")["Version"] == "1"  # nothing has changed
    cli("update-function-code --function-name helloworld --zip-file fileb://2.zip")
    rest("helloworld")
    assert cli("publish-version --function-name helloworld")["Version"] == "2"
    cli("update-alias --function-name helloworld --function-version 2 --name BETA")
    for alias, number, version in (("DEV", 2, "$LATEST"), ("BETA", 2, "2"), ("PROD", 1, "1")):
        printed, answer = cli.invoke("helloworld", options=f"--qualifier {alias}")
        assert (printed["ExecutedVersion"], json.loads(answer)) == (version, [number, f"{ARN}helloworld:{alias}"])

    weights = """--routing-config '{"AdditionalVersionWeights": {"2": 1.0}}'"""
    routed = cli(f"update-alias --function-name helloworld --name PROD {weights}")
    assert routed["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 1.0}}
    assert cli.invoke("helloworld:PROD")[0]["ExecutedVersion"] == "2"
    reset = "--function-version 2 --routing-config 'AdditionalVersionWeights={}'"
    assert "RoutingConfig" not in cli(f"update-alias --function-name helloworld --name PROD {reset}")
    assert "RoutingConfig" not in cli("get-alias --function-name helloworld --name PROD")
    assert "aliases" in cli.refused("delete-function --function-name helloworld --qualifier BETA")
    cli("delete-function --function-name helloworld")
    assert "(ResourceNotFoundException)" in cli.refused("list-aliases --function-name helloworld")


def test_permissions_concurrency_and_tags(cli: Lambda, run: Run, server: Serve, tmp_path: Path) -> None:
    """Guide 695-801, 1734-1768 and 3286-3364."""
    (cli.folder / "app.zip").write_bytes(package({"app.py": VERSIONED.format(1)}))
    cli(
        "create-function --function-name my-function --zip-file fileb://app.zip --handler app.handler "
        f'--runtime python3.7 --role {ROLE} --publish --tags "DEPARTMENT=Department A"'
    )
    cli("create-alias --function-name my-function --function-version 1 --name prod")
    add = "add-permission --action lambda:InvokeFunction"
    shown = cli.text(f"{add} --function-name my-function --statement-id sns --principal sns.amazonaws.com")
    assert json.loads(shown)["Principal"] == {"Service": "sns.amazonaws.com"}
    cli(
        f"{add} --function-name my-function --statement-id s3-account --principal s3.amazonaws.com "
        "--source-arn arn:aws:s3:::my-bucket-123456 --source-account 123456789012"
    )
    other = Lambda(run, server.url, tmp_path, *AS_VERSION_1, account="210987654321")
    assert "is not authorized" in other.refused(f"invoke --function-name {ARN}my-function:prod out")
    cli(f"{add} --function-name my-function:prod --statement-id xaccount --principal 210987654321")
    assert other.invoke(f"{ARN}my-function:prod")[0] == {"StatusCode": 200, "ExecutedVersion": "1"}
    assert "is not authorized" in other.refused(f"invoke --function-name {ARN}my-function out")
    policy = json.loads(cli("get-policy --function-name my-function:prod")["Policy"])
    assert [(each["Sid"], each["Resource"]) for each in policy["Statement"]] == [
        ("xaccount", f"{ARN}my-function:prod")
    ]
    cli("remove-permission --function-name my-function --statement-id sns")
    policy = json.loads(cli("get-policy --function-name my-function")["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["s3-account"]

    cli("put-function-concurrency --function-name my-function --reserved-concurrent-executions 100")
    found = cli("get-function --function-name my-function")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 100}
    assert found["Tags"] == {"DEPARTMENT": "Department A"}
    assert cli("get-account-settings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 900
    cli("put-function-concurrency --function-name my-function --reserved-concurrent-executions 0")
    assert "(TooManyRequestsException)" in cli.refused("invoke --function-name my-function out")
    cli("delete-function-concurrency --function-name my-function")
    assert cli.invoke("my-function")[0]["StatusCode"] == 200

    cli(f'tag-resource --resource {ARN}my-function --tags "OWNER=me"')
    cli(f"untag-resource --resource {ARN}my-function --tag-keys DEPARTMENT")
    assert cli(f"list-tags --resource {ARN}my-function")["Tags"] == {"OWNER": "me"}
    cli("delete-function --function-name my-function")


def test_layers_are_managed_and_shared(cli: Lambda) -> None:
    """Guide 2686-2776 and 756-809."""
    (cli.folder / "layer.zip").write_bytes(package({"python/shared.py": "text = 'shared'"}))
    for number in (1, 2):
        published = cli(
            "publish-layer-version --layer-name my-layer --description 'My layer' --license-info MIT "
            "--zip-file fileb://layer.zip --compatible-runtimes python3.6 python3.7"
        )
        assert published["Version"] == number
        assert published["CompatibleRuntimes"] == ["python3.6", "python3.7"]
    (listed,) = cli("list-layers --compatible-runtime python3.7")["Layers"]
    assert listed["LatestMatchingVersion"]["Version"] == 2
    assert cli("list-layers --compatible-runtime nodejs8.10")["Layers"] == []
    shown = cli("get-layer-version --layer-name my-layer --version-number 2")
    with urllib.request.urlopen(shown["Content"]["Location"]) as archive:
        assert archive.read() == (cli.folder / "layer.zip").read_bytes()
    cli(
        "add-layer-version-permission --layer-name my-layer --statement-id engineering-org --version-number 2 "
        "--principal '*' --action lambda:GetLayerVersion --organization-id o-t194hfs8cz"
    )
    found = cli("get-layer-version-policy --layer-name my-layer --version-number 2")
    (statement,) = json.loads(found["Policy"])["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-t194hfs8cz"}}
    cli("remove-layer-version-permission --layer-name my-layer --version-number 2 --statement-id engineering-org")
    cli("delete-layer-version --layer-name my-layer --version-number 1")
    versions = cli("list-layer-versions --layer-name my-layer")["LayerVersions"]
    assert [each["Version"] for each in versions] == [2]
    cli("delete-layer-version --layer-name my-layer --version-number 2")
