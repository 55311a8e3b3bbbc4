"""The conformance handler in Python (docs/conformance-handler.md)."""

import os
import sys
import time

OPTIONAL = {"client_title": "client_context", "identity_id": "identity", "tenant_id": "tenant_id"}
counts = {}


def start():
    """Do what CONFORMANCE_INIT asks for while the module is loaded."""
    verb, _, rest = os.environ.get("CONFORMANCE_INIT", "").partition(":")
    if verb == "raise":
        raise RuntimeError(rest)
    if verb == "exit":
        os._exit(int(rest))
    if verb == "print":
        print(rest, flush=True)


start()


class ConformanceError(Exception):
    """The exception of the command `raise`."""


def raise_(event, _context):
    raise ConformanceError(event["message"])


def exit_(event, _context):
    os._exit(event["code"])


def sleep(event, _context):
    time.sleep(event["ms"] / 1000)
    return {"slept": event["ms"]}


def context(_event, given):
    identity = getattr(given, "identity", None)
    return {
        "unsupported": [key for key, name in OPTIONAL.items() if not hasattr(given, name)],
        "request_id": given.aws_request_id,
        "function_arn": given.invoked_function_arn,
        "function_name": given.function_name,
        "function_version": given.function_version,
        "memory_mb": int(given.memory_limit_in_mb),
        "log_group": given.log_group_name,
        "log_stream": given.log_stream_name,
        "remaining_ms": given.get_remaining_time_in_millis(),
        "trace_id": os.environ.get("_X_AMZN_TRACE_ID"),
        "client_title": client_title(getattr(given, "client_context", None)),
        "identity_id": getattr(identity, "cognito_identity_id", None),
        "tenant_id": getattr(given, "tenant_id", None),
    }


def client_title(client_context):
    client = getattr(client_context, "client", None)
    return getattr(client, "app_title", None)


def print_(event, _context):
    print(event["text"], file=sys.stderr if event.get("to") == "stderr" else sys.stdout, flush=True)
    return {"printed": event["text"]}


def state(event, _context):
    counts[event["key"]] = counts.get(event["key"], 0) + 1
    return {"count": counts[event["key"]]}


def stream(event, _context):
    for chunk in event["chunks"]:
        yield chunk.encode()
    if "raise" in event:
        raise ConformanceError(event["raise"])


COMMANDS = {
    "echo": lambda event, _context: event["value"],
    "raise": raise_,
    "exit": exit_,
    "sleep": sleep,
    "env": lambda event, _context: {name: os.environ.get(name) for name in event["names"]},
    "context": context,
    "print": print_,
    "state": state,
    "stream": stream,
    "size": lambda event, _context: "x" * event["bytes"],
    "unserialisable": lambda _event, _context: object(),
}


def handler(event, context):
    """Carry out a command, or return an event that is not a command."""
    if not isinstance(event, dict) or "do" not in event:
        return event
    verb = event["do"]
    if verb not in COMMANDS:
        return {"unsupported": verb}
    return COMMANDS[verb](event, context)
