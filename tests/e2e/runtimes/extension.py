#!/usr/bin/env python3
"""An external extension that does what the function's variable `EXTENSION` says, and prints what it gets."""

from __future__ import annotations

import json
import os
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

DOES = os.environ.get("EXTENSION", "")
IDENTIFIER: dict[str, str] = {}


def call(method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    named = {f"Lambda-Extension-{name.replace('_', '-')}": value for name, value in headers.items()}
    connection.request(method, f"/2020-01-01/extension/{path}", body, IDENTIFIER | named)
    answer = connection.getresponse()
    text = answer.read()
    IDENTIFIER.setdefault("Lambda-Extension-Identifier", answer.headers.get("Lambda-Extension-Identifier", ""))
    return answer.status, text


def say(*words: object) -> None:
    print("extension:", *words, flush=True)


def wait_for(gate: str) -> None:
    """Wait until a file is there."""
    while not Path(gate).exists():
        time.sleep(0.01)


def main() -> None:
    if DOES == "show":
        say("variables", json.dumps(sorted(os.environ)))
    if DOES == "hang in init":
        time.sleep(60)
    events = [] if DOES == "no events" else ["INVOKE", "SHUTDOWN"]
    _, text = call("POST", "register", json.dumps({"events": events}), Name=Path(sys.argv[0]).name)
    say("registered", text.decode())
    while True:
        _, text = call("GET", "event/next")
        event = json.loads(text)
        say("got", event["eventType"], event.get("shutdownReason", ""))
        if event["eventType"] == "SHUTDOWN":
            if DOES == "stay":
                time.sleep(60)
            return
        if DOES == "exit":
            sys.exit(3)
        if DOES == "exit/error":
            call("POST", "exit/error", "{}", Function_Error_Type="Extension.Oops")
            sys.exit(3)
        if DOES == "hang":
            time.sleep(60)
        if DOES == "work":
            wait_for(os.environ["GATE"])
            say("worked")


main()
