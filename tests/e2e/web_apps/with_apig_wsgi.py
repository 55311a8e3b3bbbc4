"""The echo application for WSGI, behind apig-wsgi."""

from typing import Any

from apig_wsgi import make_lambda_handler
from echo import COOKIES, report  # type: ignore[import-not-found]  # beside this file


def app(environ: Any, start_response: Any) -> "list[bytes]":
    headers = {
        name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")
    }
    # WSGI's text holds bytes (PEP 3333).
    path = environ["PATH_INFO"].encode("latin-1").decode()
    body = environ["wsgi.input"].read()
    kind, content = report(environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], headers, body)
    start_response("201 Created", [("Content-Type", kind), *[("Set-Cookie", cookie) for cookie in COOKIES]])
    return [content]


handler = make_lambda_handler(app, binary_support=True)
