"""The web addresses of the sources that cases cite."""

from __future__ import annotations

import re

__all__ = ["address"]

GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/"
GITHUB = "https://github.com/"
# The beginning of a citation, and the page it means.
PAGES = (
    ("Lambda developer guide, Building a custom runtime", f"{GUIDE}runtimes-custom.html"),
    ("Lambda developer guide, Response streaming for custom runtimes", f"{GUIDE}runtimes-custom.html"),
    ("Lambda developer guide, Defined runtime environment variables", f"{GUIDE}configuration-envvars.html"),
    ("Lambda developer guide, Using environment variables", f"{GUIDE}configuration-envvars.html"),
    ("Lambda developer guide, Execution environment lifecycle", f"{GUIDE}lambda-runtime-environment.html"),
    ("Lambda developer guide, Lambda execution environment", f"{GUIDE}lambda-runtime-environment.html"),
    ("Lambda developer guide, Extensions API", f"{GUIDE}runtimes-extensions-api.html"),
    ("Lambda developer guide, Function logs", f"{GUIDE}monitoring-logs.html"),
    ("Lambda developer guide, Lambda function logging", f"{GUIDE}monitoring-logs.html"),
    ("Lambda developer guide, Lambda function URLs", f"{GUIDE}urls-invocation.html"),
    ("Lambda developer guide, Lambda Managed Instances", f"{GUIDE}lambda-managed-instances-runtimes.html"),
    ("Lambda developer guide, Response streaming", f"{GUIDE}configuration-response-streaming.html"),
    ("Lambda developer guide, SnapStart runtime hooks", f"{GUIDE}snapstart-runtime-hooks.html"),
    ("Lambda developer guide, Telemetry API", f"{GUIDE}telemetry-api.html"),
    ("Lambda developer guide, Tenant isolation", f"{GUIDE}tenant-isolation.html"),
    ("Lambda developer guide, Using the Lambda runtime API", f"{GUIDE}runtimes-api.html"),
    (
        "Lambda API reference, InvokeWithResponseStream",
        "https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html",
    ),
    ("Lambda API reference, Invoke", "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"),
    ("Lambda quotas", f"{GUIDE}gettingstarted-limits.html"),
    ("AWS RIE", f"{GITHUB}aws/aws-lambda-runtime-interface-emulator"),
    ("aws-lambda-rie", f"{GITHUB}aws/aws-lambda-runtime-interface-emulator"),
)
OWNERS = {"aws-lambda-rust-runtime": "aws", "aws-lambda-dotnet": "aws", "floci": "floci-io"}
RFC = re.compile(r"RFC (\d+)(?:,? (\d+(?:\.\d+)*))?")
ISSUE = re.compile(r"([\w-]+)#(\d+)")


def address(cite: str) -> str | None:
    """The address of a cited source; None for one without an address, such as an observation."""
    if rfc := RFC.match(cite):
        section = f"#section-{rfc[2]}" if rfc[2] else ""
        return f"https://www.rfc-editor.org/rfc/rfc{rfc[1]}.html{section}"
    issue = ISSUE.search(cite)
    if issue and issue[1] in OWNERS:
        return f"{GITHUB}{OWNERS[issue[1]]}/{issue[1]}/issues/{issue[2]}"
    return next((page for beginning, page in PAGES if cite.startswith(beginning)), None)
