"""The bytes of a request, exactly as a case describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import bytes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["encoded"]


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
    """A complete request.

    `length` replaces the true Content-Length, `chunked` is the size of a chunk; without a body there is no length.
    """
    fields = {"Host": host} | dict(headers or {})
    content = b"" if body is False else bytes_of(body)
    if chunked:
        fields["Transfer-Encoding"] = "chunked"
        content = _chunks(content, chunked)
    elif body is not False:
        fields["Content-Length"] = str(len(content) if length is None else length)
    lines = [
        f"{method} {path} HTTP/{version}",
        *(f"{name}: {bytes_of(value).decode()}" for name, value in fields.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def _chunks(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
