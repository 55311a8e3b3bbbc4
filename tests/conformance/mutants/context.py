"""Faults in the handler's context."""

import os

from making import breaks, on_context, on_event
from reference import Bootstrap


def attribute(case, name, doc, attr, other):
    on_context(case, name, doc, lambda _b, _e, context: setattr(context, attr, other))


attribute("context/request-id", "NoRequestId", "Omits the request id.", "aws_request_id", None)
on_context(
    "context/function-arn",
    "OwnArn",
    "Invents an ARN.",
    lambda _b, _e, c: setattr(c, "invoked_function_arn", "arn:aws:lambda:us-east-1:1:function:f"),
)
attribute("context/function-name", "NoName", "Has another function name.", "function_name", "function")
attribute(
    "context/function-version", "LatestVersion", "Always has the version $LATEST.", "function_version", "$LATEST"
)
attribute("context/memory", "NoMemory", "Always has 128 MB.", "memory_limit_in_mb", "128")
attribute("context/log-group", "NoLogGroup", "Omits the log group.", "log_group_name", None)
attribute("context/log-stream", "NoLogStream", "Omits the log stream.", "log_stream_name", None)


@breaks("context/remaining-time")
class ConstantTime(Bootstrap):
    """Always has a minute left."""

    def remaining_ms(self, event):
        return min(60000, super().remaining_ms(event))


@breaks("context/remaining-time-anew")
class FirstDeadline(Bootstrap):
    """Computes the remaining time from the first event's deadline."""

    first = None

    def remaining_ms(self, event):
        self.first = self.first or event
        return super().remaining_ms(self.first)


@breaks("context/remaining-time-past")
class AtLeastASecond(Bootstrap):
    """Always has at least a second left."""

    def remaining_ms(self, event):
        return max(1000, super().remaining_ms(event))


@breaks("context/no-deadline")
class TimeNeedsDeadline(Bootstrap):
    """Fails without a deadline."""

    def remaining_ms(self, event):
        return int(event.get("Lambda-Runtime-Deadline-Ms")) and super().remaining_ms(event)


def with_trace(case, name, doc, set_trace):
    breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "set_trace": set_trace}))


def first_trace(self, event):
    if "_X_AMZN_TRACE_ID" not in os.environ:
        Bootstrap.set_trace(self, event)


def last_trace(self, event):
    if event.get("Lambda-Runtime-Trace-Id"):
        Bootstrap.set_trace(self, event)


with_trace("context/trace-id", "NoTraceId", "Does not set the trace id.", lambda _self, _event: None)
with_trace("context/trace-id-anew", "FirstTrace", "Keeps the first trace id.", first_trace)
with_trace("context/trace-id-gone", "LastTrace", "Keeps the last trace id.", last_trace)


def kept(name):
    def change(bootstrap, _event, context):
        found = getattr(context, name)
        if found is not None and getattr(found, "cognito_identity_id", True) is not None:
            bootstrap.kept = found
        setattr(context, name, getattr(bootstrap, "kept", found))

    return change


def ascii_context(_bootstrap, event, context):
    if not (event.get("Lambda-Runtime-Client-Context") or "").isascii():
        context.client_context = None


attribute("context/client-context", "NoClientContext", "Omits the client context.", "client_context", None)
on_context(
    "context/client-context-gone", "KeepsClientContext", "Keeps the last client context.", kept("client_context")
)
on_context(
    "context/client-context-non-ascii", "AsciiContext", "Omits a client context that is not ASCII.", ascii_context
)
attribute("context/identity", "NoIdentity", "Omits the identity.", "identity", None)
on_context("context/identity-gone", "KeepsIdentity", "Keeps the last identity.", kept("identity"))
attribute("context/tenant", "NoTenant", "Omits the tenant id.", "tenant_id", None)
on_event(
    "context/broken-client-context",
    "DiesOfBrokenContext",
    "Exits on a client context that is not JSON.",
    lambda event: event.get("Lambda-Runtime-Client-Context") == "{broken",
)
