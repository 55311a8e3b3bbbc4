"""Who may use the public port: while it is bound to loopback, no web page may reach it, by DNS rebinding either."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Guard", "is_loopback"]


class Guard:
    """Judges Host and Origin of a request. `closed`: bound to loopback, so that only this machine may come."""

    def __init__(self, closed: bool, allowed_hosts: frozenset[str] = frozenset()) -> None:
        self._closed = closed
        self._allowed_hosts = allowed_hosts
        self._host = b""  # the last one that was found good

    def objection(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Why a request with these headers (names in lower case) is not let in; None when it is."""
        if not self._closed:
            return None
        host = headers.get(b"host")
        if host and host != self._host:
            name = host.decode("latin-1")
            if not self._is_local(name):
                return f"Host {name!r} is not this machine (--allow-host lets it in)"
            self._host = host
        if b"origin" in headers:
            origin = headers[b"origin"].decode("latin-1")
            if not self._is_local(origin.partition("://")[2] or origin):  # `null` has no host
                return f"Origin {origin!r} is foreign to this port"
        return None

    def _is_local(self, host: str) -> bool:
        """Whether a Host names this machine in a way that no DNS answer can forge."""
        name = host.lower()
        name = name.partition("]")[0].removeprefix("[") if name.startswith("[") else name.partition(":")[0]
        if name == "localhost" or name.endswith(".localhost") or name in self._allowed_hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def is_loopback(host: str) -> bool:
    """Whether a listener on this host can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
