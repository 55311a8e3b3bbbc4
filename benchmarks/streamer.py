"""A runtime that streams on a bare socket: the moment at which it sends, then as many bytes as its event says."""

import json
import os
import socket
import time
from typing import BinaryIO

HOST, _, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
BASE = "/2018-06-01/runtime/invocation/"
CHUNK = b"x" * 65_536
FRAMED = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK)
HEAD = (
    f"POST {BASE}%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\nContent-Type: application/octet-stream\r\n\r\n"
)


def main() -> None:
    with socket.create_connection((HOST, int(PORT))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        while True:
            connection.sendall(f"GET {BASE}next HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            headers, event = read(stream)
            connection.sendall((HEAD % headers["lambda-runtime-aws-request-id"]).encode())
            time.sleep(0.002)  # the caller and its server wait for the first byte
            sent_at = b"sent at %020d." % time.monotonic_ns()
            connection.sendall(b"%x\r\n%b\r\n" % (len(sent_at), sent_at))
            for _ in range(asked(event)["bytes"] // len(CHUNK)):
                connection.sendall(FRAMED)
            connection.sendall(b"0\r\n\r\n")
            read(stream)


def asked(event: bytes) -> "dict[str, int]":
    """What an event asks for; a function URL's has it in the body."""
    document = json.loads(event)
    found: dict[str, int] = json.loads(document["body"]) if "body" in document else document
    return found


def read(stream: BinaryIO) -> "tuple[dict[str, str], bytes]":
    if not stream.readline():
        raise SystemExit
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return headers, stream.read(int(headers["content-length"]))


if __name__ == "__main__":
    main()
