"""`serve --enforce-policies`: other accounts and services invoke only what a policy allows, by exactly its ARN."""

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
from tests.e2e.urls import ask, host_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ARN = "arn:aws:lambda:us-east-1:123456789012:function:local"
OTHER = "111122223333"
SOURCE = {"X-Amz-Source-Arn": "arn:aws:s3:::photos", "X-Amz-Source-Account": "123456789012"}


@contextlib.contextmanager
def caller(server: Serve, key: str, headers: dict[str, str] | None = None) -> Iterator[Any]:
    def add(request: Any, **_: Any) -> None:
        for name, value in (headers or {}).items():
            request.headers[name] = value

    with connected(server.url, key) as client:
        client.meta.events.register("before-sign.lambda.Invoke", add)
        yield client


def denied(client: Any, name: str, **options: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        invoke(client, {}, name, **options)
    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(refusal.value.response["Error"]["Message"])


def test_another_account_needs_a_permission_for_exactly_the_arn(tmp_path: Path) -> None:
    code = write_bootstrap(tmp_path / "code")
    with Serve("--enforce-policies", f"local={code}") as server, caller(server, "test") as own:
        own.publish_version(FunctionName="local")
        own.create_alias(FunctionName="local", Name="live", FunctionVersion="1")
        with caller(server, OTHER) as other:
            assert denied(other, ARN) == (
                f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: lambda:InvokeFunction on resource: "
                f"{ARN} because no resource-based policy allows the lambda:InvokeFunction action"
            )
            allow = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": OTHER}
            own.add_permission(FunctionName="local", Qualifier="live", **allow)
            assert invoke(other, {"a": 1}, f"{ARN}:live").document == {"a": 1}
            denied(other, ARN)
            denied(other, f"{ARN}:1")
            denied(other, ARN, InvocationType="DryRun")
            own.remove_permission(FunctionName="local", Qualifier="live", StatementId="s")
            denied(other, f"{ARN}:live")
        assert invoke(own, {"a": 1}, "local").document == {"a": 1}
        assert server.invoke(name="local").status == 200


def test_a_service_needs_a_permission_for_its_source(tmp_path: Path) -> None:
    code = write_bootstrap(tmp_path / "code")
    with (
        Serve("--enforce-policies", f"local={code}") as server,
        caller(server, "test") as own,
        caller(server, "s3.amazonaws.com", SOURCE) as s3,
        caller(server, "s3.amazonaws.com") as unknown,
    ):
        denied(s3, "local")
        own.add_permission(
            FunctionName="local",
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=SOURCE["X-Amz-Source-Arn"],
            SourceAccount=SOURCE["X-Amz-Source-Account"],
        )
        assert invoke(s3, {}, "local", InvocationType="Event").status == 202
        denied(unknown, "local", InvocationType="Event")


def test_policies_are_only_stored_unless_they_are_enforced(tmp_path: Path) -> None:
    code = write_bootstrap(tmp_path / "code")
    with Serve(f"local={code}") as server, caller(server, OTHER) as other:
        assert invoke(other, {"a": 1}, ARN).document == {"a": 1}


def test_a_function_url_needs_a_statement_that_opens_it(tmp_path: Path) -> None:
    code = write_bootstrap(tmp_path / "code")
    with Serve("--enforce-policies", "--function-url", f"local={code}") as server, caller(server, "test") as own:
        assert ask(server, f"127.0.0.1:{server.port}", target="/lambda-url/local/").status == 200
        own.create_function(
            FunctionName="own",
            Runtime="python3.12",
            Handler="app.handler",
            Role="arn:aws:iam::123456789012:role/r",
            Code={"ZipFile": package({"app.py": "def handler(event, context): return 'open'"})},
        )
        host = host_of(own.create_function_url_config(FunctionName="own", AuthType="NONE")["FunctionUrl"])
        refused = ask(server, host)
        assert (refused.status, refused.values("x-amzn-errortype")) == (403, ["AccessDeniedException"])
        assert json.loads(refused.body)["Message"].startswith("Forbidden. For troubleshooting Function URL")
        allow = {"StatementId": "s", "Action": "lambda:InvokeFunctionUrl", "Principal": "*"}
        own.add_permission(FunctionName="own", FunctionUrlAuthType="NONE", **allow)
        assert ask(server, host).body == b"open"
