"""A handler that polls and answers for another function, whose Runtime API it finds in /proc/net/tcp."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Any

API = "/2018-06-01"
ID = "Lambda-Runtime-Aws-Request-Id"
PATIENCE_S = 40
LISTENING = "0A"
_loot: list[Any] = []
_threads: list[threading.Thread] = []


def handler(event: Any, _context: Any) -> Any:
    return globals()["do_" + event["do"]](event["port"])


def do_find(port: int) -> bool:
    """Whether that port is among those on which somebody listens."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return f"{port:04X}" in {fields[1].partition(":")[2] for fields in lines if fields[3] == LISTENING}


def do_steal(port: int) -> None:
    """Poll, and answer what comes, beside this handler; return once the server has read the poll."""
    polling = threading.Event()
    thread = threading.Thread(target=_steal, args=(port, polling), daemon=True)
    thread.start()
    _threads.append(thread)
    polling.wait(PATIENCE_S)
    _ask(_connect(port), "GET", "/ping")


def do_loot(_port: int) -> Any:
    """What has come, once it has."""
    for thread in _threads:
        thread.join(PATIENCE_S)
    return _loot


def do_spoil(port: int) -> list[Any]:
    """What becomes of calls that would end the other's init, or answer for it: the types of the refusals."""
    calls = ("/runtime/init/error", "/runtime/invocation/unknown/response")
    answers = [_ask(_connect(port), "POST", path, b'{"errorType":"Function.Spoiled"}') for path in calls]
    return [json.loads(body)["errorType"] for _, body in answers]


def _steal(port: int, polling: threading.Event) -> None:
    connection = _connect(port)
    connection.request("GET", f"{API}/runtime/invocation/next")
    polling.set()
    answer = connection.getresponse()
    _loot.append([answer.status, answer.read().decode()])
    request_id = answer.getheader(ID)
    if request_id:
        _ask(_connect(port), "POST", f"/runtime/invocation/{request_id}/response", b'"stolen"')


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection.request(method, API + path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()
