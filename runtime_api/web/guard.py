"""Keeps web pages away from both ports, by Host, Origin and Sec-Fetch-Site.

A page in a browser on this machine can reach every loopback port, but the browser gives it away: it sends the page's
origin, and as Host the page's own name if that name was made to resolve to this machine (`hosts.py`). Programs other
than browsers send neither Origin nor Sec-Fetch-Site, and pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol.errors import FORBIDDEN_HOST, FORBIDDEN_ORIGIN

from .hosts import DEFAULT_PORTS, is_loopback, is_unforgeable, read_host, read_origin
from .http1.headers import REPEATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runtime_api.protocol.errors import Refusal

    from .hosts import Authority, Origin

__all__ = ["Guard", "RuntimeApiGuard"]

_NO_HEADER = b""
_FOREIGN_SITES = frozenset({b"cross-site", REPEATED})
_SANDBOX = "sandbox.localdomain"  # what AWS's own sandboxes call the Runtime API's host


class Guard:
    """Judges who may use the public port.

    `on_loopback`: the port is bound to loopback, so a Host that is not this machine's is a rebound name. Bound to
    another address, the port can have any name.
    """

    def __init__(
        self, on_loopback: bool, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()
    ) -> None:
        self._on_loopback = on_loopback
        self._allowed_hosts = frozenset(name.lower() for name in allowed_hosts)
        self._allowed_origins = frozenset(_checked_origin(text) for text in allowed_origins)
        self._good_host = _NO_HEADER  # the last one: most clients send the same Host with every request

    def objection(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Say why a request with these headers (names in lower case) is refused; None when it may pass."""
        return self.host_objection(headers) or self.page_objection(headers)

    def host_objection(self, headers: Mapping[bytes, bytes]) -> str | None:
        """The part of `objection` that holds for every route: the request names a host that this machine may be."""
        host = headers.get(b"host", _NO_HEADER)
        if host != self._good_host and host:
            if self._on_loopback and not self._is_this_machine(host):
                return f"Host {host.decode('latin-1')!r} is not this machine (--allow-host lets it in)"
            self._good_host = host
        return None

    def page_objection(self, headers: Mapping[bytes, bytes]) -> str | None:
        """The part of `objection` for routes that have no rules of their own about which pages may use them."""
        if b"origin" in headers:
            origin = headers[b"origin"].decode("latin-1")
            if not self._may_pass(origin, headers.get(b"host", _NO_HEADER)):
                return f"Origin {origin!r} is foreign to this port (--allow-origin lets it in)"
        elif headers.get(b"sec-fetch-site", _NO_HEADER).lower() in _FOREIGN_SITES:
            return "A page of another site may not use this port (--allow-origin lets its origin in)"
        return None

    def _is_this_machine(self, host: bytes) -> bool:
        authority = read_host(host)
        return authority is not None and (is_unforgeable(authority.host) or authority.host in self._allowed_hosts)

    def _may_pass(self, text: str, host: bytes) -> bool:
        """Whether pages of this origin may ask: local ones, those that came from this port, and those let in."""
        origin = read_origin(text)
        if origin is None:
            return False
        if is_loopback(origin.host) or origin in self._allowed_origins:
            return True
        own = read_host(host)
        return own is not None and (own.host, own.port or DEFAULT_PORTS.get(origin.scheme, "")) == origin[1:]


def _checked_origin(text: str) -> Origin:
    origin = read_origin(text)
    if origin is None:
        raise ValueError(f"{text!r} is not an origin: give scheme://host or scheme://host:port")
    return origin


class RuntimeApiGuard:
    """Judges who may use a Runtime API: no browser, and no Host that a DNS answer could forge.

    Names without a dot pass: proxies and hand-written bootstraps send them, and public DNS does not answer for them.
    """

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        self._allowed_hosts = frozenset((_SANDBOX, *(name.lower() for name in allowed_hosts)))
        self._good_host = _NO_HEADER

    def refusal(self, headers: Mapping[bytes, bytes]) -> Refusal | None:
        """Say how to refuse a request with these headers (names in lower case); None when it may pass."""
        if b"origin" in headers or b"sec-fetch-site" in headers:
            return FORBIDDEN_ORIGIN
        host = headers.get(b"host", _NO_HEADER)
        if host != self._good_host and host:
            if self._is_forgeable(read_host(host)):
                return FORBIDDEN_HOST
            self._good_host = host
        return None

    def _is_forgeable(self, authority: Authority | None) -> bool:
        if authority is None:
            return True
        host = authority.host
        return "." in host and not is_unforgeable(host) and host not in self._allowed_hosts
