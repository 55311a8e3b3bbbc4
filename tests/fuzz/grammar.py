"""Requests that a client may send to either port, as parts to mutate; TOKEN becomes another number in each input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol import wire
from tests.fuzz.inputs import Port
from tests.web.corpus.case import TARGET
from tests.web.corpus.tables import TABLES
from tests.web.ports import FIRST_ID
from tests.web.requests import chunked, get, post, request
from tests.web.ways import ANSWER, INVOKE, STREAMED

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MESSAGES", "ODD", "TOKEN", "WORDS"]

TOKEN = b"~token~~"  # eight bytes, as the number that takes its place
LONGEST = 1500  # bytes of a case of the corpus that is mutated
BODY = b'"' + TOKEN + b'"'
NESTED = b'{"a":[1,2.5e3,null,{"b":"\\u00e9' + TOKEN + b'"}]}'
ERROR = b'{"errorType":"E","errorMessage":"' + TOKEN + b'"}'
HEALTH = "/_bootjack/health"
STREAMING = "Lambda-Runtime-Function-Response-Mode: streaming"

_PUBLIC: tuple[bytes, ...] = (
    post(INVOKE, BODY),
    post(INVOKE, BODY),
    post(INVOKE, NESTED, "Content-Type: application/json", "User-Agent: aws-sdk/1"),
    post(INVOKE, b""),
    post(INVOKE, b"{not json" + TOKEN),
    post(INVOKE, BODY, "X-Amz-Invocation-Type: Event"),
    post(INVOKE, BODY, "X-Amz-Invocation-Type: DryRun"),
    post(INVOKE, BODY, "X-Amz-Log-Type: Tail", "X-Amz-Client-Context: e30="),
    post(INVOKE, BODY, "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793"),
    post(INVOKE + "?Qualifier=$LATEST", BODY),
    post(INVOKE + "?Qualifier=prod", BODY),
    post(INVOKE.replace("/f/", "/nobody/"), BODY),
    post(INVOKE, BODY, "Expect: 100-continue"),
    post(INVOKE, BODY, "Connection: close"),
    post(INVOKE, BODY, "Origin: http://localhost:3000"),
    post(INVOKE, BODY, "Origin: http://evil.example"),
    chunked(INVOKE, BODY),
    chunked(INVOKE, b'"', TOKEN, b'"', trailers="X: 1\r\n"),
    request("POST", INVOKE, "Content-Length: 10", body=BODY, version="HTTP/1.0"),
    request("POST", "http://localhost" + INVOKE, "Content-Length: 10", body=BODY),
    post(INVOKE, BODY, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA"),
    get(INVOKE),
)
_OTHERS: tuple[bytes, ...] = (
    get(HEALTH),
    get("/"),
    request("HEAD", HEALTH),
    request("OPTIONS", "*"),
    post("/2025-11-30/capacity-providers", NESTED),
    chunked("/2025-11-30/capacity-providers", NESTED[:5], NESTED[5:]),
    get("/2025-11-30/capacity-providers/f?a=b"),
    post(STREAMED, BODY),
    post(STREAMED, NESTED, "X-Amz-Log-Type: Tail"),
    chunked(STREAMED, BODY[:4], BODY[4:]),
    request("POST", STREAMED, "Content-Length: 10", body=BODY, version="HTTP/1.0"),
    request("DELETE", "/2025-11-30/capacity-providers/f"),
    get("/2015-03-31/functions/echo/configuration"),
    post("/2025-11-30/capacity-providers", NESTED, "Expect: 100-continue"),
)
_RUNTIME: tuple[bytes, ...] = (
    get(wire.NEXT),
    get(wire.NEXT),
    get(wire.NEXT, "User-Agent: bootstrap/1"),
    post(ANSWER, BODY),
    post(ANSWER, BODY),
    post(ANSWER, BODY, "Content-Type: application/json", "Lambda-Runtime-Invocation-Id: delivery-1"),
    post(ANSWER, BODY, "Lambda-Runtime-Invocation-Id: another"),
    post(ANSWER, BODY, "Lambda-Runtime-Function-Response-Mode: streaming"),
    post(ANSWER, BODY, "Lambda-Runtime-Function-Response-Mode: odd"),
    chunked(ANSWER, BODY, headers=("Lambda-Runtime-Function-Response-Mode: streaming",)),
    chunked(ANSWER, *(BODY[at : at + 1] for at in range(10)), headers=(STREAMING,)),
    chunked(ANSWER, b"x" * 9000, BODY, b"y" * 20_000, headers=(STREAMING, "Content-Type: text/plain")),
    chunked(
        ANSWER,
        b"half",
        trailers="Lambda-Runtime-Function-Error-Type: E\r\nLambda-Runtime-Function-Error-Body: e30=\r\n",
        headers=("Lambda-Runtime-Function-Response-Mode: streaming", "Trailer: Lambda-Runtime-Function-Error-Type"),
    ),
    post(ANSWER.replace("/response", "/error"), ERROR, "Lambda-Runtime-Function-Error-Type: E"),
    post(ANSWER.replace(FIRST_ID, "r2"), BODY),
    post(ANSWER.replace(FIRST_ID, "unknown"), BODY),
    post(wire.INIT_ERROR, ERROR, "Lambda-Runtime-Function-Error-Type: E"),
    get(wire.PING),
    post(ANSWER, BODY, "Expect: 100-continue"),
    post(ANSWER, BODY, "Connection: close"),
    request("POST", ANSWER, "Content-Length: 10", body=BODY, version="HTTP/1.0"),
    get(ANSWER),
    get("/nowhere"),
    post(wire.NEXT, b"x"),
    get(wire.NEXT, "Origin: http://evil.example"),
    post(ANSWER, BODY, "Connection: Upgrade", "Upgrade: h2c"),
)

# Whole messages, by where they go; other requests than Invoke are rare, because they take longer.
MESSAGES = {
    Port.PUBLIC: _PUBLIC * 4 + _OTHERS,
    Port.RUNTIME: _RUNTIME,
}


def _odd(target: str) -> list[bytes]:
    cases = [case.sent for cases in TABLES.values() for case in cases]
    return [sent.replace(TARGET, target.encode()) for sent in cases if len(sent) < LONGEST]


# Messages that are odd already.
ODD = {Port.PUBLIC: _odd(INVOKE), Port.RUNTIME: _odd(ANSWER)}

# What a mutation puts in.
WORDS: Sequence[bytes] = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\0", b" ", b"\t", b":", b": ", b",", b";", b"\r\n ", b"\r\n\t"),
    *(b"\xff", b"\x7f", b"\x80", b"\xc3\xa9", b"%00", b"%0d%0a", b'"', b"\\", b"0", b"-1", b"+1", b"0x", b"ffffffff"),
    *(b"f" * 16, b"1" + b"0" * 16, b"18446744073709551616", b"9" * 30, b"0\r\n\r\n", b"5\r\nhello\r\n", b"\x0b"),
    *(b"Content-Length: 0\r\n", b"Content-Length: 10\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length:\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding: gzip, chunked\r\n"),
    *(b"Host: localhost\r\n", b"Host: evil.example\r\n", b"Host:\r\n", b"Connection: close\r\n", b"X: 1\r\n"),
    *(b"Connection: keep-alive\r\n", b"Connection: upgrade\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n"),
    *(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/2.0\r\n", b" HTTP/0.9\r\n", b"GET ", b"POST ", b"HEAD "),
    *(b"CONNECT ", b"Expect: x\r\n", b"http://localhost", b"*", b"//", b"?", b"#", b"/..", b"chunked", b"close"),
    *(b"X" * 300, b"1\r\n1\r\n" * 40, get("/smuggled")),
)
