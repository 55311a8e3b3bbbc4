"""A handler for AWS's own Python bootstrap: does what its event asks for."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, NoReturn

if os.environ.get("BREAK_INIT"):
    raise ImportError("broken on purpose")


def handler(event: Any, context: Any) -> Any:
    do = event.get("do") if isinstance(event, dict) else None
    return globals()["do_" + do](event, context) if do else event


def do_raise(event: Any, _context: Any) -> NoReturn:
    raise ValueError(event["message"])


def do_exit(event: Any, _context: Any) -> NoReturn:
    sys.exit(event["code"])


def do_unserialisable(_event: Any, _context: Any) -> Any:
    return {1, 2}


def do_sleep(event: Any, _context: Any) -> None:
    print("sleeping", flush=True)
    time.sleep(event["seconds"])


def do_print(event: Any, _context: Any) -> Any:
    print(event["text"])
    return "printed"


def do_fill(event: Any, _context: Any) -> Any:
    return "x" * event["letters"]


def do_context(_event: Any, context: Any) -> Any:
    client = context.client_context
    return {
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "request_id": context.aws_request_id,
        "left_ms": context.get_remaining_time_in_millis(),
        "custom": client.custom if client else None,
        "title": client.client.app_title if client and client.client else None,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "handler": os.environ["_HANDLER"],
        "encoding": json.dumps("ü", ensure_ascii=False),
    }
