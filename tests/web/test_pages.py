"""A page of another site tries every way to reach the public port, bound to loopback and beyond it.

Each way is what Chromium 156 was seen to send. The function that is asked for does not exist: a request that passes
gets 404, a refused one 403, and nothing is run.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from bootjack import LocalLambda
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INVOKE = "POST /2015-03-31/functions/f/invocations"
HEALTH = "GET /_bootjack/health"
SECONDS = 30.0
LOOPBACK, ANY = "127.0.0.1", "0.0.0.0"

EVIL = "Origin: http://evil.example:8000"
OPAQUE = "Origin: null"  # sandboxed frames, data: and file: URLs, pages without referrer, redirected POSTs
CROSS, SAME_SITE, SAME_ORIGIN = (f"Sec-Fetch-Site: {site}" for site in ("cross-site", "same-site", "same-origin"))
TEXT, FORM = "Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded"
ASK_FIRST = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA")

# To https, localhost and loopback addresses, which Chromium trusts.
TRUSTED = {
    "fetch": (INVOKE, EVIL, CROSS, TEXT, "Sec-Fetch-Mode: cors"),
    "fetch without CORS, beacon, worker": (INVOKE, EVIL, CROSS, TEXT, "Sec-Fetch-Mode: no-cors"),
    "fetch of a page of the same site": (INVOKE, "Origin: http://sub.friend.example:8000", SAME_SITE, TEXT),
    "fetch of a sandboxed frame": (INVOKE, OPAQUE, CROSS, TEXT),
    "fetch of an extension": (INVOKE, "Origin: chrome-extension://abcdefgh", "Sec-Fetch-Site: none", TEXT),
    "preflight": (INVOKE.replace("POST", "OPTIONS"), EVIL, CROSS, *ASK_FIRST),
    "form": (INVOKE, EVIL, CROSS, FORM, "Sec-Fetch-Mode: navigate", "Sec-Fetch-User: ?1"),
    "form of a sandboxed frame": (INVOKE, OPAQUE, CROSS, FORM, "Sec-Fetch-Mode: navigate"),
    "WebSocket": (INVOKE.replace("POST", "GET"), EVIL, *UPGRADE),
    "server-sent events": (HEALTH, EVIL, CROSS, "Accept: text/event-stream"),
    "image, script, style, video": (HEALTH, CROSS, "Sec-Fetch-Mode: no-cors"),
    "frame, link, popup, form with GET": (HEALTH, CROSS, "Sec-Fetch-Mode: navigate"),
}
# To any other address: nothing but Origin, and that only with what is not a simple GET.
BARE = {
    way: tuple(line for line in lines if not line.startswith("Sec-Fetch"))
    for way, lines in TRUSTED.items()
    if any(line.startswith("Origin") for line in lines)
}


async def ask(port: int, host: str, *requests: tuple[str, ...]) -> list[int]:
    """Send the requests one after the other on one connection; return the status of each answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    statuses = []
    for first, *lines in requests:
        body = "[]" if first == INVOKE else ""
        head = "\r\n".join([f"{first} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}", *lines])
        writer.write(f"{head}\r\n\r\n{body}".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await asyncio.wait_for(reader.readexactly(int(length)), SECONDS)
        statuses.append(int(answer.split(b" ", 2)[1]))
    writer.close()
    return statuses


def statuses_of(log: Path, bound_to: str, host: str, ways: Mapping[str, tuple[str, ...]]) -> dict[str, set[int]]:
    """Try each way on a new connection, and behind another request; return the statuses."""
    found: dict[str, set[int]] = {}

    async def main() -> None:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT)
        try:
            async with LocalLambda(descriptor, sandbox="process") as local:
                port = int((await local.listen(bound_to, 0, {"friend.example"})).rpartition(":")[2])
                for way, lines in ways.items():
                    (first,) = await ask(port, host, lines)
                    *_, second = await ask(port, host, (HEALTH,), lines)
                    found[way] = {first, second}
        finally:
            os.close(descriptor)

    run(main())
    return found


@pytest.mark.parametrize(
    ("bound_to", "host", "ways"),
    [
        (LOOPBACK, "127.0.0.1:9000", TRUSTED),
        (LOOPBACK, "localhost:9000", TRUSTED),
        (LOOPBACK, "friend.example:9000", TRUSTED),
        (LOOPBACK, "friend.example:9000", BARE),
        (ANY, "127.0.0.1:9000", TRUSTED),
        (ANY, "localhost:9000", TRUSTED),
        (ANY, "203.0.113.7:9000", TRUSTED),  # behind a proxy that ends TLS
        (ANY, "203.0.113.7:9000", BARE),
        (ANY, "lambda:9000", BARE),
        (ANY, "host.docker.internal:9000", BARE),
        (ANY, "friend.example:9000", TRUSTED),
        (ANY, "friend.example:9000", BARE),
    ],
)
def test_no_way_leads_in_for_a_foreign_page(
    tmp_path: Path, bound_to: str, host: str, ways: Mapping[str, tuple[str, ...]]
) -> None:
    assert statuses_of(tmp_path / "log", bound_to, host, ways) == {way: {403} for way in ways}


@pytest.mark.parametrize("bound_to", [LOOPBACK, ANY])
def test_no_way_leads_in_for_a_page_whose_name_was_made_to_resolve_to_this_machine(
    tmp_path: Path, bound_to: str
) -> None:
    ways = {
        "fetch": (INVOKE, "Origin: http://evil.example:9000", TEXT),
        "fetch by https": (INVOKE, "Origin: https://evil.example:9000", SAME_ORIGIN, TEXT),
        "image or frame": (HEALTH,),
        "form with an opaque origin": (INVOKE, OPAQUE, FORM),
        "WebSocket": (INVOKE.replace("POST", "GET"), "Origin: http://evil.example:9000", *UPGRADE),
    }
    assert statuses_of(tmp_path / "log", bound_to, "evil.example:9000", ways) == {way: {403} for way in ways}


PROGRAM = (INVOKE, "User-Agent: aws-cli/2.31", "Content-Type: application/json")
OWN_PAGE = (INVOKE, "Origin: http://HOST", SAME_ORIGIN, TEXT)


@pytest.mark.parametrize(
    ("bound_to", "host", "ways"),
    [
        (LOOPBACK, "localhost:9000", [PROGRAM, OWN_PAGE, (INVOKE, "Origin: http://localhost:3000", SAME_SITE, TEXT)]),
        (LOOPBACK, "127.0.0.1:9000", [PROGRAM, OWN_PAGE, (INVOKE, "Origin: http://localhost:3000", CROSS, TEXT)]),
        (ANY, "localhost:9000", [PROGRAM, OWN_PAGE, (INVOKE, "Origin: http://localhost:3000", SAME_SITE, TEXT)]),
        (ANY, "203.0.113.7:9000", [PROGRAM, OWN_PAGE, (INVOKE, "Origin: http://203.0.113.7:9000", TEXT)]),
        (ANY, "lambda:9000", [PROGRAM, OWN_PAGE]),
        (ANY, "host.docker.internal:9000", [PROGRAM, OWN_PAGE]),
        (ANY, "lambda.default.svc.cluster.local:9000", [PROGRAM, OWN_PAGE]),
        (ANY, "friend.example:9000", [PROGRAM, OWN_PAGE]),
    ],
)
def test_programs_and_pages_of_the_port_itself_pass(
    tmp_path: Path, bound_to: str, host: str, ways: list[tuple[str, ...]]
) -> None:
    named = {str(lines): tuple(line.replace("HOST", host) for line in lines) for lines in ways}
    assert statuses_of(tmp_path / "log", bound_to, host, named) == {way: {404} for way in named}


def test_the_name_of_this_machine_is_let_in_beyond_loopback_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Box.Corp.Example")
    ways = {"program": PROGRAM}
    assert statuses_of(tmp_path / "log", ANY, "box.corp.example:9000", ways) == {"program": {404}}
    assert statuses_of(tmp_path / "log", ANY, "www.corp.example:9000", ways) == {"program": {403}}
    assert statuses_of(tmp_path / "log", LOOPBACK, "box.corp.example:9000", ways) == {"program": {403}}
