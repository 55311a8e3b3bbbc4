"""A runtime on a bare socket, with nothing but the standard library's `json`: does what its event asks for.

An event is answered with its own bytes unless it is an object with `do`.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module itself would double the time to start
    from typing import Any, BinaryIO, NoReturn

HOST, _, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
PREFIX = "/2018-06-01/runtime/invocation/"
ME = os.urandom(8).hex()  # of this process, where a pid may be every other sandbox's too


def main() -> NoReturn:
    connection = socket.create_connection((HOST.strip("[]"), int(PORT)))
    stream = connection.makefile("rb")
    while True:
        connection.sendall(head("GET", "next"))
        headers, event = read_answer(stream)
        request_id = headers["lambda-runtime-aws-request-id"]
        connection.sendall(answer(request_id, event, headers))
        read_answer(stream)


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join((f"{method} {PREFIX}{path} HTTP/1.1", f"Host: {HOST}", *lines, "", "")).encode()


def read_answer(stream: BinaryIO) -> tuple[dict[str, str], bytes]:
    if not stream.readline():
        sys.exit(0)
    headers: dict[str, str] = {}
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers, stream.read(int(headers["content-length"]))


def response(request_id: str, body: bytes) -> bytes:
    return head("POST", request_id + "/response", f"Content-Length: {len(body)}") + body


def answer(request_id: str, event: bytes, headers: dict[str, str]) -> bytes:
    asked = json.loads(event)
    do = asked.get("do") if isinstance(asked, dict) else None
    if do is None:
        return response(request_id, event)
    done: bytes = globals()["do_" + do](request_id, asked, headers)
    return done


def do_headers(request_id: str, _asked: Any, headers: Any) -> bytes:
    return response(request_id, json.dumps(headers).encode())


def do_variables(request_id: str, asked: Any, _headers: Any) -> bytes:
    names = asked.get("names") or list(os.environ)
    return response(request_id, json.dumps({name: os.environ.get(name) for name in names}).encode())


def do_place(request_id: str, _asked: Any, _headers: Any) -> bytes:
    here = os.path.realpath(".")
    found = {"cwd": here, "argv": sys.argv[1:], "user": os.geteuid(), "pid": os.getpid(), "me": ME}
    return response(request_id, json.dumps(found).encode())


def do_wait(request_id: str, asked: Any, _headers: Any) -> bytes:
    """Wait until somebody writes into a named pipe; opening it tells that this is under way."""
    with open(asked["gate"], "rb") as gate:  # noqa: PTH123 - pathlib would double the time to start
        gate.read()
    return response(request_id, b"waited")


def do_write(request_id: str, asked: Any, _headers: Any) -> bytes:
    os.write(asked.get("to", 1), asked["text"].encode())
    return response(request_id, b"written")


def do_flood(request_id: str, asked: Any, _headers: Any) -> bytes:
    for number in range(asked["lines"]):
        os.write(2, b"%08d %s\n" % (number, b"x" * 90))
    return response(request_id, b"flooded")


def do_bytes(request_id: str, asked: Any, _headers: Any) -> bytes:
    return response(request_id, base64.b64decode(asked["base64"]))


def do_fill(request_id: str, asked: Any, _headers: Any) -> bytes:
    return response(request_id, b"x" * asked["bytes"])


def do_fail(request_id: str, asked: Any, _headers: Any) -> bytes:
    body = json.dumps({"errorMessage": asked["message"], "errorType": "Function.Asked"}).encode()
    lines = ("Lambda-Runtime-Function-Error-Type: Function.Asked", f"Content-Length: {len(body)}")
    return head("POST", request_id + "/error", *lines) + body


def do_exit(_request_id: str, asked: Any, _headers: Any) -> NoReturn:
    os._exit(asked["code"])


def do_kill(_request_id: str, _asked: Any, _headers: Any) -> NoReturn:
    while True:
        os.kill(os.getpid(), signal.SIGKILL)


def do_hang(_request_id: str, asked: Any, _headers: Any) -> NoReturn:
    """Never answer, and ignore SIGTERM and whatever else can be ignored; a child does the same."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if asked.get("child"):
        subprocess.Popen(["sleep", "600"])
    os.write(2, b"hanging\n")
    while True:
        signal.pause()


def do_leave(request_id: str, asked: Any, _headers: Any) -> bytes:
    """Leave a process behind: in this group, or in a session of its own."""
    subprocess.Popen(["sleep", "600"], start_new_session=asked["session"])
    return response(request_id, b"left")


def do_upgrade(request_id: str, asked: Any, _headers: Any) -> bytes:
    """Answer as Java's HTTP client does, which offers HTTP/2 with every request."""
    body: bytes = asked["text"].encode()
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA")
    return head("POST", request_id + "/response", *offer, f"Content-Length: {len(body)}") + body


def do_stream(request_id: str, asked: Any, _headers: Any) -> bytes:
    lines = ["Lambda-Runtime-Function-Response-Mode: streaming", "Transfer-Encoding: chunked"]
    error = asked.get("error")
    if error is not None:
        lines.append("Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk.encode()) for chunk in asked["chunks"]) + b"0\r\n"
    if error is not None:
        encoded = base64.b64encode(json.dumps(error).encode())
        body += b"Lambda-Runtime-Function-Error-Type: %s\r\n" % error["errorType"].encode()
        body += b"Lambda-Runtime-Function-Error-Body: %s\r\n" % encoded
    return head("POST", request_id + "/response", *lines) + body + b"\r\n"


if __name__ == "__main__":
    main()
