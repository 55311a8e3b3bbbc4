"""Builds the Runtime API's answers from a case: correct by default, unusual or wrong in every way a case asks for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import bytes_of, expanded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ACCEPTED", "answer_bytes", "event_headers", "in_pieces"]

ACCEPTED: dict[str, Any] = {
    "status": 202,
    "headers": [["Content-Type", "application/json"]],
    "body": '{"status":"OK"}\n',
}
REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 410: "Gone"}
REASONS |= {413: "Request Entity Too Large", 500: "Internal Server Error", 503: "Service Unavailable"}
ARN = "arn:aws:lambda:us-east-1:012345678912:function:conformance"
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e7{};Parent=9a9197af755a6419;Sampled=0"
TIMEOUT_MS = 60_000


def event_headers(step: Mapping[str, Any], request_id: str, names: Mapping[str, str]) -> list[list[str]]:
    """The headers of an event; the step's `headers` replaces, adds, or with null removes one."""
    deadline = int(time.time() * 1000) + step.get("deadline", TIMEOUT_MS)
    table: dict[str, str | None] = {
        "Lambda-Runtime-Aws-Request-Id": request_id,
        "Lambda-Runtime-Deadline-Ms": str(deadline),
        "Lambda-Runtime-Invoked-Function-Arn": ARN,
        "Lambda-Runtime-Trace-Id": TRACE.format(names["n"]),
        "Content-Type": "application/json",
    }
    table |= step.get("headers", {})
    given = {name: bytes_of(value).decode() for name, value in table.items() if value is not None}
    headers = [[_cased(name, step.get("names")), value] for name, value in given.items()]
    headers += expanded(step.get("more", []))
    return headers[::-1] if step.get("order") == "reversed" else headers


def _cased(name: str, how: str | None) -> str:
    if how == "odd":
        return "".join(letter.upper() if place % 2 else letter.lower() for place, letter in enumerate(name))
    return name.lower() if how == "lower" else name.upper() if how == "upper" else name


def answer_bytes(answer: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Head and body as sent; the schema describes the keys (`answer` in case-schema.json)."""
    body = bytes_of(answer.get("body", ""))
    status = answer.get("status", 200)
    reason = answer.get("reason", REASONS.get(status, "Unknown"))
    lines = [f"{answer.get('version', 'HTTP/1.1')} {status} {reason}"]
    colon = answer.get("colon", ": ")
    lines += [f"{name}{colon}{value}{answer.get('after', '')}" for name, value in answer.get("headers", [])]
    framing = answer.get("framing", "length")
    if framing == "length":
        lines.append(f"{answer.get('length_name', 'Content-Length')}{colon}{len(body)}")
    elif framing == "chunked":
        lines.append(f"{answer.get('encoding_name', 'Transfer-Encoding')}{colon}{answer.get('encoding', 'chunked')}")
        body = b"".join(_chunks(body, answer))
    head = "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n"
    return answer.get("interim", "").encode() + head, body


def _chunks(body: bytes, answer: Mapping[str, Any]) -> Iterator[bytes]:
    size = answer.get("chunk", 4096)
    extension = answer.get("extension", "").encode()
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        number = f"{len(piece):X}" if answer.get("upper") else f"{len(piece):x}"
        yield b"%s%s\r\n%s\r\n" % (number.rjust(answer.get("digits", 1), "0").encode(), extension, piece)
    yield b"0" + extension + b"\r\n" + answer.get("trailers", "").encode() + b"\r\n"


def in_pieces(head: bytes, body: bytes, answer: Mapping[str, Any]) -> Iterator[bytes]:
    """The pieces to send: all at once, head and body apart, pieces of one size, or only the beginning (`cut`)."""
    whole = head + body
    if "cut" in answer:
        whole = whole[: len(head) + answer["cut"]]
    if answer.get("apart"):
        yield head
        yield body
    elif "pieces" in answer:
        size = answer["pieces"]
        yield from (whole[start : start + size] for start in range(0, len(whole), size))
    else:
        yield whole
