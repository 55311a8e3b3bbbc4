"""The echo application behind the resolver for function URLs of AWS Lambda Powertools."""

import base64
from typing import Any

from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.shared.cookies import Cookie
from echo import report  # type: ignore[import-not-found]  # beside this file

app = LambdaFunctionUrlResolver()
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@app.route(".*", method=METHODS)
def echo() -> "Response[Any]":
    event = app.current_event
    headers = {**event.headers, "cookie": "; ".join(event.cookies)}
    body = event.body or ""
    content = base64.b64decode(body) if event.is_base64_encoded else body.encode()
    method = event.request_context.http.method
    kind, answer = report(method, event.request_context.http.path, event.raw_query_string, headers, content)
    cookies = [Cookie("first", "1", path="/", secure=False), Cookie("second", "a=b", secure=False)]
    # It writes bytes in base64, except those of a type that is JSON.
    shown = answer.decode() if kind == "application/json" else answer
    return Response(201, kind, shown, cookies=cookies)


handler = app
