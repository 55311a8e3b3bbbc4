"""Host and Origin headers: which machine they name, and whether a DNS answer could make that name point here.

DNS rebinding: the name of a web page is made to resolve to 127.0.0.1, and the page then sends requests to "its own"
server, which is this one. The browser still sends that name as Host. IP addresses and `localhost` are never looked up
in DNS, so a request with one of these as Host does not come from such a page. Spellings that browsers never send
(`127.1`, `2130706433`, a trailing dot) are treated as names that DNS could answer for.

Public DNS answers for fewer names than a resolver does: not for one without a dot, and not below the domains that are
reserved for private networks. Containers and clusters name each other by these. An attacker who answers for them is
in the same network as this machine, where a port bound beyond loopback can be reached without any page.
"""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

__all__ = ["Authority", "Origin", "is_loopback", "is_private", "is_unforgeable", "read_host", "read_origin"]

_AUTHORITY = (
    r"(?:\[(?P<v6>[0-9a-f]*:[0-9a-f:.]*)(?:%[\w.~-]+)?\]|(?P<name>[\w.~!$&'()*+;=%-]+))(?::(?P<port>[0-9]*))?"
)
_HOST = re.compile(_AUTHORITY, re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(rf"(?P<scheme>[a-z][a-z0-9+.-]*)://{_AUTHORITY}", re.ASCII | re.IGNORECASE)
DEFAULT_PORTS = {"http": "80", "https": "443"}
# Never delegated in public DNS: RFC 6761 6.2, RFC 6762 3, RFC 8375 3, ICANN's board on 29 July 2024.
_PRIVATE_DOMAINS = (".test", ".local", ".home.arpa", ".internal")
_LOOPBACK = socket.inet_pton(socket.AF_INET6, "::1")
_MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:0.0.0.0")[:12]  # IPv4 in IPv6 (RFC 4291 2.5.5.2)


class Authority(NamedTuple):
    """A host in lower case, without brackets, and a port as it is written, maybe empty."""

    host: str
    port: str


class Origin(NamedTuple):
    """A web origin (RFC 6454): its scheme, its host, and its port even where it is the scheme's own."""

    scheme: str
    host: str
    port: str


def read_host(header: bytes) -> Authority | None:
    """The authority in a Host header; None when it is no authority."""
    match = _HOST.fullmatch(header.decode("latin-1"))
    return None if match is None else _authority(match)


def read_origin(text: str) -> Origin | None:
    """The origin in an Origin header; None for `null` and for everything that is not scheme://host[:port]."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    host, port = _authority(match)
    return Origin(scheme, host, port or DEFAULT_PORTS.get(scheme, ""))


def is_unforgeable(host: str) -> bool:
    """Whether no DNS answer can change what this names: an IP address, `localhost` or a name below it."""
    return _is_localhost(host) or _packed(host) is not None


def is_private(host: str) -> bool:
    """Whether no answer of public DNS can change what this names: an IP address, or a name for a private network."""
    return is_unforgeable(host) or "." not in host or host.endswith(_PRIVATE_DOMAINS)


def is_loopback(host: str) -> bool:
    """Whether this is sure to name the local machine: a loopback address, `localhost` or a name below it."""
    packed = _packed(host)
    if packed is None:
        return _is_localhost(host)
    if len(packed) == len(_LOOPBACK):
        packed = packed.removeprefix(_MAPPED)
    return packed == _LOOPBACK or (len(packed) == 4 and packed[0] == 127)


def _is_localhost(host: str) -> bool:
    """RFC 6761 6.3: resolvers answer for these names without asking DNS."""
    return host == "localhost" or host.endswith(".localhost")


def _packed(host: str) -> bytes | None:
    """An IP address as bytes; None when this is not one in its usual spelling."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, host)
        except (OSError, ValueError):
            pass
    return None


def _authority(match: re.Match[str]) -> Authority:
    return Authority((match["v6"] or match["name"]).lower(), match["port"] or "")
