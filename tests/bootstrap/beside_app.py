"""The functions that both bootstraps run in test_beside_awslambdaric; they do not know which one runs them."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import logging
import os
import sys
import uuid
from typing import Any

Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Point:
    x: int


class Colour(enum.Enum):
    RED = "red"


class Odd:
    pass


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def handler(event: Any, context: Any) -> Any:
    """Return (or raise) the value of the expression in `event`, or call the function that it names."""
    if isinstance(event, dict) and "do" in event:
        return globals()[f"do_{event['do']}"](event, context)
    if isinstance(event, dict) and "eval" in event:
        found = eval(event["eval"])
        if isinstance(found, BaseException):
            raise found
        return found
    return event


def do_context(event: Any, context: Any) -> Any:
    client = context.client_context
    return {
        **{name: getattr(context, name) for name in (
            "aws_request_id", "log_group_name", "log_stream_name", "function_name", "function_version",
            "memory_limit_in_mb", "invoked_function_arn", "tenant_id",
        )},
        "left": 0 < context.get_remaining_time_in_millis() <= 60_000,
        "w3c": context.w3c(),
        "client": client and [client.custom, client.env, client.client and client.client.app_title],
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "repr": repr(context)[:28],
    }  # fmt: skip


def do_log(event: Any, context: Any) -> None:
    log = logging.getLogger("mine")
    log.info("not logged by default")
    log.warning("warned %s", "ö", extra={"order": 7})
    log.error({"a": 1})
    print("printed")
    context.log("by context\n")
    logging.critical("at last")


def do_log_exception(event: Any, context: Any) -> None:
    try:
        1 // 0  # noqa: B018
    except ZeroDivisionError:
        logging.exception("caught")
    logging.warning("after it")


def do_chain(event: Any, context: Any) -> None:
    try:
        1 // 0  # noqa: B018
    except ZeroDivisionError as error:
        raise ValueError("outer") from error


def do_note(event: Any, context: Any) -> None:
    error = ValueError("noted")
    error.__notes__ = ["a note"]
    raise error


def do_group(event: Any, context: Any) -> None:
    raise ExceptionGroup("both", [ValueError("one"), TypeError("two")])  # noqa: F821, RUF100


def do_dive(event: Any, context: Any) -> Any:
    return do_dive(event, context)


def do_generator(event: Any, context: Any) -> Any:
    yield "a"
    yield "b"


async def do_async(event: Any, context: Any) -> str:
    await asyncio.sleep(0)
    return "awaited"


async def do_async_generator(event: Any, context: Any) -> Any:
    yield "a"


used = (datetime, decimal, sys, uuid)
