"""What a head must say beyond its grammar: a protocol that is spoken here, and one host.

Both hold on every port. A head in the cache (`heads.py`) has passed them, byte for byte.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from runtime_api.web.hosts import read_host
from runtime_api.web.replies import BAD_HOST, BAD_VERSION

if TYPE_CHECKING:
    from runtime_api.web.replies import PlainReply

__all__ = ["OLD_PROTOCOL", "fault_in_head"]

# Each with the space before it, which HTTP/0.9 does not have: there, the same bytes may end a target.
_PROTOCOL = b" HTTP/1.1"
OLD_PROTOCOL = b" HTTP/1.0"
_STRAY_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def fault_in_head(protocol: bytes, host: bytes | None) -> PlainReply | None:
    """Say how to refuse a head whose first line ends like this, with this Host header; None for a good one."""
    if protocol not in (_PROTOCOL, OLD_PROTOCOL):
        return BAD_VERSION
    if host is None:
        return BAD_HOST if protocol == _PROTOCOL else None  # HTTP/1.0 knows no Host (RFC 9112 3.2)
    return None if _names_a_host(host) else BAD_HOST


def _names_a_host(host: bytes) -> bool:
    """Whether this is what RFC 9112 3.2 allows: uri-host [":" port], or nothing where the target has no authority."""
    if not host:
        return True
    authority = read_host(host)
    if authority is None or _STRAY_PERCENT.search(host):
        return False
    return not host.startswith(b"[") or _is_ipv6(authority.host)


def _is_ipv6(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        return False
    return True
