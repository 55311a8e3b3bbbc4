"""The spelling of the Runtime API: paths, headers, environment variables, bodies. Nothing is spelled elsewhere.

Header names that are looked up are lower-case bytes, since names arrive in any case; names that are sent keep the
spelling that AWS uses.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import Fault, Refusal
    from .events import Invocation

__all__ = [
    "ACCEPTED",
    "ERROR_CAUSE_TYPE",
    "PING",
    "RUNTIME_VERSION",
    "default_error_document",
    "error_body",
    "event_headers",
    "fault_document",
    "host_port",
    "refusal_body",
]

RUNTIME_VERSION = "2018-06-01"
PING = f"/{RUNTIME_VERSION}/ping"
NEXT = f"/{RUNTIME_VERSION}/runtime/invocation/next"
INIT_ERROR = f"/{RUNTIME_VERSION}/runtime/init/error"
INVOCATION_PREFIX = f"/{RUNTIME_VERSION}/runtime/invocation/"
RESPONSE = "response"  # behind the prefix and the request id
ERROR = "error"

ERROR_TYPE_HEADER = b"lambda-runtime-function-error-type"
ERROR_BODY_TRAILER = b"lambda-runtime-function-error-body"
RESPONSE_MODE_HEADER = b"lambda-runtime-function-response-mode"
INVOCATION_ID_HEADER = b"lambda-runtime-invocation-id"

ERROR_CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"
ACCEPTED = b'{"status":"OK"}\n'
PONG = b"pong"

# One header takes one line: what a caller put into a value must not start another.
_LINE_ENDS = str.maketrans({"\r": " ", "\n": " ", "\0": " "})


def host_port(address: tuple[str, int]) -> str:
    """An address in the form of AWS_LAMBDA_RUNTIME_API and of URLs."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def event_headers(invocation: Invocation, deadline_ms: int) -> str:
    """The header lines of an event (spec 3.1), each with its CRLF; the optional ones only when they have a value.

    The content type is always JSON's, whatever the caller sent: AWS's own bootstraps read an event of any other type
    as bytes, or crash when there is none.
    """
    lines = (
        f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {invocation.function_arn}\r\n"
        f"Lambda-Runtime-Trace-Id: {_one_line(invocation.trace)}\r\n"
        f"Lambda-Runtime-Invocation-Id: {invocation.invocation_id}\r\n"
        "Content-Type: application/json\r\n"
    )
    if invocation.client_context:
        lines += f"Lambda-Runtime-Client-Context: {_one_line(invocation.client_context)}\r\n"
    if invocation.cognito_identity:
        lines += f"Lambda-Runtime-Cognito-Identity: {_one_line(invocation.cognito_identity)}\r\n"
    if invocation.tenant_id:
        lines += f"Lambda-Runtime-Aws-Tenant-Id: {_one_line(invocation.tenant_id)}\r\n"
    return lines


def _one_line(value: str) -> str:
    return value if value.isprintable() else value.translate(_LINE_ENDS)


def refusal_body(refusal: Refusal) -> bytes:
    """The JSON of a refusal as AWS prints it: this key order, `<`, `>` and `&` escaped, one newline at the end."""
    document = {"errorMessage": refusal.message, "errorType": refusal.error_type}
    text = json.dumps(document, separators=(",", ":"))
    return text.translate(_HTML_ESCAPES).encode() + b"\n"


_HTML_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def fault_document(fault: Fault) -> bytes:
    """What the caller gets when the platform, not the function, found the fault (spec 4)."""
    document = {"errorType": str(fault.error_type), "errorMessage": fault.message}
    return json.dumps(document, separators=(",", ":")).encode()


def error_body(body: bytes, content_type: str | None, error_type: str | None) -> bytes:
    """What the caller gets of a body posted to /error: the bytes as they are, but for two cases (spec 3.5).

    An empty body becomes the default document; of an error-cause document only the caller's part is kept.
    """
    if content_type == ERROR_CAUSE_TYPE:
        return _without_cause(body)
    return body or default_error_document(error_type)


def default_error_document(error_type: str | None) -> bytes:
    """The document for a runtime that reported an error and said nothing of it."""
    document = {"errorMessage": "Unknown application error occurred"}
    if error_type:
        document["errorType"] = error_type
    return json.dumps(document, separators=(",", ":")).encode()


def _without_cause(body: bytes) -> bytes:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return b'"Invalid error body"'
    kept = {key: document[key] for key in ("errorMessage", "errorType", "stackTrace") if key in document}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()
