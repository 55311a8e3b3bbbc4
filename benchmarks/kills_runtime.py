"""The runtime of the load with kills: logs what it runs, and answers with who it is and what was asked."""

import json
import os
import socket
import sys
import time

HOST, _, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
PREFIX = "/2018-06-01/runtime/invocation/"
NAME, DEPLOYED = os.environ["AWS_LAMBDA_FUNCTION_NAME"], int(os.environ["DEPLOYED"])


def main() -> None:
    connection = socket.create_connection((HOST.strip("[]"), int(PORT)))
    stream = connection.makefile("rb")
    while True:
        connection.sendall(f"GET {PREFIX}next HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        request_id, event = read(stream)
        answer = handle(json.loads(event))
        head = f"POST {PREFIX}{request_id}/response HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(answer)}\r\n\r\n"
        connection.sendall(head.encode() + answer)
        read(stream)


def read(stream) -> tuple[str, bytes]:  # type: ignore[no-untyped-def]
    """Read one answer; returns the request id, if there is one, and the body."""
    headers = {}
    if stream.readline().split(b" ")[1:2] not in ([b"200"], [b"202"]):
        sys.exit(1)  # its environment is being shut down
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers.get("lambda-runtime-aws-request-id", ""), stream.read(int(headers["content-length"]))


def handle(event) -> bytes:  # type: ignore[no-untyped-def]
    os.write(1, f"ran {event['token']}\n".encode())
    if event["do"] == "hang":
        time.sleep(3600)
    if event["do"] == "exit":
        os._exit(3)
    time.sleep(event["seconds"])
    return json.dumps({"function": NAME, "deployed": DEPLOYED, "token": event["token"]}).encode()


if __name__ == "__main__":
    try:
        main()
    except ConnectionError:
        sys.exit(1)  # what carried its connection was killed; a traceback in the log has to be the server's
