"""What every echo application here answers: what it was asked, or the body itself at a path that ends in /bytes."""

import base64
import json

COOKIES = ["first=1; Path=/", "second=a=b"]


def report(method: str, path: str, query: str, headers: "dict[str, str]", body: bytes) -> "tuple[str, bytes]":
    """Return the type of the answer and its body; header names in lower case."""
    if path.endswith("/bytes"):
        return "application/octet-stream", body
    seen = {
        "method": method,
        "path": path,
        "query": query,
        "headers": headers,
        "body": base64.b64encode(body).decode(),
    }
    return "application/json", json.dumps(seen).encode()
