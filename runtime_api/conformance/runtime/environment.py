"""The environment in which a bootstrap starts, with Lambda's variables (guide 4423-4444).

The kit spells them a second time on purpose: it shares nothing with the code that it may have to judge.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from runtime_api.sandbox import Launch
from runtime_api.sandbox.entrypoint import find_bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.sandbox.entrypoint import Program

__all__ = ["launch"]

VARIABLES = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "conformance",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/conformance",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "AWS_ACCESS_KEY_ID": "CONFORMANCEFALSEKEY0",
    "AWS_SECRET_ACCESS_KEY": "no-true-credentials",
    "AWS_SESSION_TOKEN": "no-true-credentials",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
}


def launch(
    program: Program, handler: str, variables: Mapping[str, str], given: Mapping[str, Any], address: str
) -> Launch:
    """How to start the bootstrap for one case.

    `given` may add variables (`env`), and replace the handler; {module} and {function} stand for the parts of ours.
    """
    module, _, function = handler.rpartition(".")
    handler = given.get("handler", handler).replace("{module}", module).replace("{function}", function)
    environment = {
        **VARIABLES,
        "PATH": os.environ.get("PATH", os.defpath),
        "LAMBDA_TASK_ROOT": str(program.task_root),
        **variables,
        "AWS_LAMBDA_RUNTIME_API": address,
        "_HANDLER": handler,
        **given.get("env", {}),
    }
    command = tuple(part.replace("{handler}", handler) for part in program.command)
    if not command:
        bootstrap = find_bootstrap(program.places)
        command = (str(bootstrap),) if bootstrap else ()
    looked_for = tuple(str(place) for place in program.places)
    return Launch("runtime", command, program.task_root, environment, looked_for)
