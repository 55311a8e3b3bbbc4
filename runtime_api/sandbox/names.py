"""How names resolve in a sandbox: the files of /etc that depend on its network."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from .network import Network

__all__ = ["NAMESERVER", "name_files", "resolver_text"]

RESOLVER = "/etc/resolv.conf"
# In a network of its own with a way to the outside, port 53 of this address is the first name server of the host.
NAMESERVER = "10.0.2.3"
LOOPBACK = 127  # the first byte of such addresses


def name_files(network: Network, *, outside: bool) -> dict[str, bytes]:
    """The content of these files, by path. `outside`: there is a way out of a network of the sandbox's own."""
    host = b""
    with suppress(OSError):
        host = Path(RESOLVER).read_bytes()
    return {RESOLVER: resolver_text(host) if network is Network.OWN and outside else host}


def resolver_text(host: bytes) -> bytes:
    """The host's resolv.conf(5) for a network in which the host's loopback addresses lead nowhere.

    The host's IPv4 name servers are reached as they are. One on a loopback address (dnsmasq, systemd-resolved) is
    reached through NAMESERVER, which stands for the first of them only.
    """
    others, servers = [], []
    for line in host.decode(errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["nameserver"]:
            servers += words[1:2]
        else:
            others.append(line)
    reached = [server for server in servers if _is_reached(server)]
    if servers[:1] != reached[:1] or not servers:
        reached.insert(0, NAMESERVER)
    return "".join(f"{line}\n" for line in (*others, *(f"nameserver {server}" for server in reached))).encode()


def _is_reached(server: str) -> bool:
    """Whether it is an IPv4 address that is not loopback."""
    try:
        return socket.inet_pton(socket.AF_INET, server)[0] != LOOPBACK
    except (OSError, ValueError):
        return False
