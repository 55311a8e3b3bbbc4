"""The echo application for ASGI, behind mangum."""

from typing import Any

from echo import COOKIES, report  # type: ignore[import-not-found]  # beside this file
from mangum import Mangum


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    kind, content = report(scope["method"], scope["path"], scope["query_string"].decode(), headers, body)
    cookies = [(b"set-cookie", cookie.encode()) for cookie in COOKIES]
    await send(
        {"type": "http.response.start", "status": 201, "headers": [(b"content-type", kind.encode()), *cookies]}
    )
    await send({"type": "http.response.body", "body": content})


handler = Mangum(app, lifespan="off")
