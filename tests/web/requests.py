"""Requests as bytes, as the tests send them."""

from __future__ import annotations


def request(method: str, target: str, *headers: str, body: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    """A request exactly as said: no header is added but Host."""
    lines = [f"{method} {target} {version}", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def get(target: str, *headers: str) -> bytes:
    """A request without a body."""
    return request("GET", target, *headers)


def post(target: str, body: bytes, *headers: str) -> bytes:
    """A request with a body of known length."""
    return request("POST", target, f"Content-Length: {len(body)}", *headers, body=body)


def chunked(target: str, *chunks: bytes, trailers: str = "", headers: tuple[str, ...] = ()) -> bytes:
    """A request whose body comes in these chunks."""
    return request("POST", target, "Transfer-Encoding: chunked", *headers, body=in_chunks(*chunks, trailers=trailers))


def in_chunks(*chunks: bytes, trailers: str = "") -> bytes:
    """A body in the chunked coding, with its end."""
    pieces = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    return b"".join(pieces) + b"0\r\n" + trailers.encode() + b"\r\n"
