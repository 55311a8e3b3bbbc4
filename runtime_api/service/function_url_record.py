"""The function URL of a function or an alias, and its address on this server."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from msgspec import Struct

__all__ = ["FunctionUrl", "UrlHost", "function_url", "read_url_host"]

_HOST = re.compile(r"(?P<id>[a-z0-9]+)\.lambda-url\.(?P<region>[a-z0-9-]+)\.localhost(?::[0-9]*)?", re.IGNORECASE)
_PORT = re.compile(r":[0-9]+(?=/|$)")


class FunctionUrl(Struct, frozen=True):
    """What a caller has configured of a function URL."""

    id: str  # the first label of its host name
    auth_type: str
    created: str
    modified: str
    cors: dict[str, Any] | None = None
    invoke_mode: str | None = None  # None: nobody has said, and Lambda's default holds


class UrlHost(NamedTuple):
    """What the host name of a function URL says."""

    url_id: str
    region: str


def function_url(server: str, region: str, url_id: str) -> str:
    """Return the URL at which a function answers, on the server at this URL.

    A name below `localhost` leads to this machine without DNS (RFC 6761 6.3), in browsers and curl at least.
    """
    port = _PORT.search(server.partition("//")[2])
    return f"http://{url_id}.lambda-url.{region}.localhost{port[0] if port else ''}/"


def read_url_host(host: str) -> UrlHost | None:
    """Return the parts of a Host header that names a function URL; None for any other."""
    found = _HOST.fullmatch(host)
    return None if found is None else UrlHost(found["id"].lower(), found["region"].lower())
