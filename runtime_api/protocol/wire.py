"""The spelling of the Runtime API: paths, headers, bodies. No other module of the server spells them.

Header names that are looked up are lower-case bytes, since names arrive in any case; names that are sent keep the
spelling that AWS uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

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
    "extension_event_headers",
    "fault_document",
    "host_port",
    "invoke_event",
    "refusal_body",
    "registered_body",
    "registered_headers",
    "shutdown_event",
]

RUNTIME_VERSION = "2018-06-01"
PING = f"/{RUNTIME_VERSION}/ping"
NEXT = f"/{RUNTIME_VERSION}/runtime/invocation/next"
RESTORE_NEXT = f"/{RUNTIME_VERSION}/runtime/restore/next"
RESTORE_ERROR = f"/{RUNTIME_VERSION}/runtime/restore/error"
CREDENTIALS = "/2021-04-23/credentials"
METADATA = "/2026-01-15/metadata/execution-environment"
INIT_ERROR = f"/{RUNTIME_VERSION}/runtime/init/error"
INVOCATION_PREFIX = f"/{RUNTIME_VERSION}/runtime/invocation/"
RESPONSE = "response"  # behind the prefix and the request id
ERROR = "error"

ERROR_TYPE_HEADER = b"lambda-runtime-function-error-type"
ERROR_BODY_TRAILER = b"lambda-runtime-function-error-body"
RESPONSE_MODE_HEADER = b"lambda-runtime-function-response-mode"
INVOCATION_ID_HEADER = b"lambda-runtime-invocation-id"

EXTENSIONS_VERSION = "2020-01-01"
REGISTER = f"/{EXTENSIONS_VERSION}/extension/register"
EVENT_NEXT = f"/{EXTENSIONS_VERSION}/extension/event/next"
EXTENSION_INIT_ERROR = f"/{EXTENSIONS_VERSION}/extension/init/error"
EXTENSION_EXIT_ERROR = f"/{EXTENSIONS_VERSION}/extension/exit/error"

TELEMETRY = "/2022-07-01/telemetry"
LOGS = "/2020-08-15/logs"  # of the Logs API, its predecessor

EXTENSION_NAME_HEADER = b"lambda-extension-name"
EXTENSION_FEATURE_HEADER = b"lambda-extension-accept-feature"
EXTENSION_IDENTIFIER_HEADER = b"lambda-extension-identifier"
EXTENSION_ERROR_TYPE_HEADER = b"lambda-extension-function-error-type"

ERROR_CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"
ACCEPTED = b'{"status":"OK"}\n'
SUBSCRIBED = b'"OK"'
PONG = b"pong"

# A value that a caller sent must not be able to start another header line.
_LINE_ENDS = str.maketrans({"\r": " ", "\n": " ", "\0": " "})


def host_port(address: tuple[str, int]) -> str:
    """An address in the form of AWS_LAMBDA_RUNTIME_API and of URLs."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def event_headers(invocation: Invocation, deadline_ms: int) -> str:
    """The header lines of an event (spec 3.1), each with its CRLF; the optional ones only when they have a value.

    The content type is always JSON's, whatever the caller sent: AWS's own bootstraps read an event of any other type
    as bytes, and crash when there is none.
    """
    trace = invocation.trace
    if "\r" in trace or "\n" in trace or "\0" in trace:  # cheaper than `isprintable`
        trace = _one_line(trace)
    lines = (
        f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {invocation.function_arn}\r\n"
        f"Lambda-Runtime-Trace-Id: {trace}\r\n"
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


def registered_headers(identifier: str) -> str:
    """The header lines of the answer to a registration, without the content type."""
    return f"Lambda-Extension-Identifier: {identifier}\r\n"


def registered_body(name: str, version: str, handler: str, account: str | None) -> bytes:
    """The answer to a registration; the account only for those who accept that feature (spec 7)."""
    document = {} if account is None else {"accountId": account}
    document |= {"functionName": name, "functionVersion": version, "handler": handler}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def extension_event_headers(event_id: str) -> str:
    """The header lines of an event for an extension, without the content type."""
    return f"Lambda-Extension-Event-Identifier: {event_id}\r\n"


def invoke_event(invocation: Invocation, deadline_ms: int) -> bytes:
    """The INVOKE event (spec 7)."""
    return orjson.dumps(
        {
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.function_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
        }
    )


def shutdown_event(reason: str, deadline_ms: int) -> bytes:
    """The SHUTDOWN event (spec 6.4)."""
    return orjson.dumps({"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason})


def _one_line(value: str) -> str:
    return value.translate(_LINE_ENDS)


def refusal_body(refusal: Refusal) -> bytes:
    """The JSON of a refusal as AWS prints it: this key order, `<`, `>` and `&` escaped, one newline at the end."""
    document = {"errorMessage": refusal.message, "errorType": refusal.error_type}
    text = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    return text.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")


def fault_document(fault: Fault) -> bytes:
    """The error document for a fault that the platform found (spec 4)."""
    # A path that is not UTF-8 may be part of the message.
    message = fault.message.encode("utf-8", "backslashreplace").decode()
    document = {"errorType": str(fault.error_type), "errorMessage": message}
    return orjson.dumps(document)


def error_body(body: bytes, content_type: str | None, error_type: str | None) -> bytes:
    """The payload that the caller gets for a body posted to /error: the same bytes, with two exceptions (spec 3.5).

    An empty body becomes the default document; an error-cause document is cut down to the caller's part.
    """
    if content_type == ERROR_CAUSE_TYPE:
        return _without_cause(body)
    return body or default_error_document(error_type)


def default_error_document(error_type: str | None) -> bytes:
    """The error document for a runtime that reported an error with an empty body."""
    document = {"errorMessage": "Unknown application error occurred"}
    if error_type:
        document["errorType"] = error_type
    return orjson.dumps(document)


def _without_cause(body: bytes) -> bytes:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        return b'"Invalid error body"'
    kept = {key: document[key] for key in ("errorMessage", "errorType", "stackTrace") if key in document}
    return orjson.dumps(kept)
