"""The handler's second argument (guide 12108-12166), with the attributes that AWS's own runtime gives it."""

from __future__ import annotations

import time
from contextvars import ContextVar

from .faults import ErrorType, Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .settings import Settings

__all__ = ["Context", "CurrentInvocation", "current_context"]

LONGEST_S = 900.0  # Lambda's longest timeout, which holds if an event has no deadline
W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class CognitoIdentity:
    """The Amazon Cognito identity of the caller; None if it has none."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.cognito_identity_id = given.get("cognitoIdentityId")
        self.cognito_identity_pool_id = given.get("cognitoIdentityPoolId")

    def __repr__(self) -> str:
        return _shown(self)


class Client:
    """The caller's mobile application, as it describes itself."""

    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    def __init__(self, given: Mapping[str, Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, given.get(name))

    def __repr__(self) -> str:
        return _shown(self)


class ClientContext:
    """The client context that the caller sent (X-Amz-Client-Context)."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.custom = given.get("custom")
        self.env = given.get("env")
        client = given.get("client")
        self.client = Client(client) if isinstance(client, dict) else None

    def __repr__(self) -> str:
        return _shown(self)


class Context:
    """One invocation, as its handler sees it."""

    def __init__(
        self, headers: Mapping[str, str], settings: Settings, log: Callable[[str], None] | None = None
    ) -> None:
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.trace_id = headers.get("lambda-runtime-trace-id")
        self.function_name = settings.function_name
        self.function_version = settings.function_version
        self.memory_limit_in_mb = settings.memory_limit_in_mb
        self.log_group_name = settings.log_group_name
        self.log_stream_name = settings.log_stream_name
        self.client_context: ClientContext | None = None
        self.identity = NOBODY
        self._log = log
        self._w3c: dict[str, str] = {}
        deadline = headers.get("lambda-runtime-deadline-ms", "")
        self._deadline_s = int(deadline) / 1000 if deadline.isdecimal() else time.time() + LONGEST_S

    def read_caller(self, headers: Mapping[str, str]) -> None:
        """Read client context and identity; a Fault if they are not JSON.

        Not part of `__init__`, so that the context is known when that fault is logged.
        """
        if "lambda-runtime-client-context" in headers:
            self._read_client_context(headers["lambda-runtime-client-context"])
        if "lambda-runtime-cognito-identity" in headers:
            self.identity = CognitoIdentity(_document(headers["lambda-runtime-cognito-identity"], "Cognito Identity"))

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out; never negative."""
        return max(0, int((self._deadline_s - time.time()) * 1000))

    def w3c(self) -> dict[str, str]:
        """The caller's W3C trace context: traceparent, tracestate, baggage."""
        return dict(self._w3c)

    def log(self, message: object) -> None:
        """Write to the function's log, without adding a line end."""
        if self._log is not None:
            self._log(str(message))

    def __repr__(self) -> str:
        return _shown(self, [name for name in vars(self) if not name.startswith("_")])

    def _read_client_context(self, header: str) -> None:
        document = _document(header, "Client Context")
        fields = document.pop("w3c", None)
        if isinstance(fields, dict):
            self._w3c = {name: fields[name] for name in W3C_FIELDS if isinstance(fields.get(name), str)}
        self.client_context = ClientContext(document)


NOBODY = CognitoIdentity({})

CurrentInvocation: ContextVar[Context | None] = ContextVar("invocation", default=None)


def current_context() -> Context | None:
    """The context of the invocation that this task or thread works for; None outside of an invocation."""
    return CurrentInvocation.get()


def _document(header: str, what: str) -> dict[str, Any]:
    import json

    try:
        document = json.loads(header.encode("latin-1"))
        if not isinstance(document, dict):
            raise TypeError("not an object")
    except (ValueError, TypeError, RecursionError) as error:
        raise Fault(ErrorType.LAMBDA_CONTEXT_UNMARSHAL_ERROR, f"Unable to parse {what} JSON: {error}") from None
    return document


def _shown(thing: object, names: list[str] | tuple[str, ...] | None = None) -> str:
    fields = ",".join(f"{name}={getattr(thing, name)}" for name in names or type(thing).__slots__)  # type: ignore[attr-defined]
    return f"{type(thing).__name__}([{fields}])"
