"""The bytes of a request, exactly as a case describes it."""

from collections.abc import Mapping
from typing import Any


def bytes_of(body: Any) -> bytes:
    """The bytes a case writes as text, as hexadecimal digits, or as a repetition between two texts."""
    if isinstance(body, str):
        return body.encode()
    if "hex" in body:
        return bytes.fromhex(body["hex"])
    repeated = str(body["repeat"]) * int(body["times"])
    return f"{body.get('before', '')}{repeated}{body.get('after', '')}".encode()


def chunks(body: bytes, size: int) -> bytes:
    """A chunked body in chunks of `size` bytes."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def encoded(
    host: str,
    *,
    path: str,
    method: str = "GET",
    version: str = "1.1",
    headers: Mapping[str, Any] | None = None,
    body: Any = False,
    length: int | None = None,
    chunked: int | None = None,
) -> bytes:
    """A whole request. `length` overrides Content-Length, `chunked` is a chunk size, no body means no length."""
    fields = {"Host": host} | dict(headers or {})
    content = b"" if body is False else bytes_of(body)
    if chunked:
        fields["Transfer-Encoding"] = "chunked"
        content = chunks(content, chunked)
    elif body is not False:
        fields["Content-Length"] = str(len(content) if length is None else length)
    lines = [
        f"{method} {path} HTTP/{version}",
        *(f"{name}: {bytes_of(value).decode()}" for name, value in fields.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content
