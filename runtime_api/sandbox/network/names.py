"""How names resolve in a sandbox: the files of /etc that depend on its network."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from . import Network

__all__ = ["NAMESERVER", "hosts_text", "name_files", "resolver_text"]

RESOLVER = "/etc/resolv.conf"
HOSTS = "/etc/hosts"
SANDBOX_NAMES = ("sandbox.localdomain", "sandbox")  # where extensions listen for telemetry (spec 8)
# In a network with a way to the outside, port 53 of this address is the host's first IPv4 name server.
NAMESERVER = "10.0.2.3"
LOOPBACK = 127  # the first byte of such addresses


def name_files(network: Network, *, outside: bool) -> dict[str, bytes]:
    """The content of these files, by path. `outside`: there is a way out of a network of the sandbox's own."""
    resolver = _content(RESOLVER)
    return {
        RESOLVER: resolver_text(resolver) if network is Network.OWN and outside else resolver,
        HOSTS: hosts_text(_content(HOSTS)),
    }


def hosts_text(host: bytes) -> bytes:
    """The host's hosts(5), behind the names of an execution environment's own loopback."""
    return f"127.0.0.1 {' '.join(SANDBOX_NAMES)}\n".encode() + host


def resolver_text(host: bytes) -> bytes:
    """The host's resolv.conf(5) for a network in which the host's loopback addresses lead nowhere.

    NAMESERVER takes the place of the first IPv4 name server, which may be on a loopback address (dnsmasq,
    systemd-resolved). The further ones are reached as they are, or not at all.
    """
    others, servers = [], []
    for line in host.decode(errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["nameserver"]:
            servers += words[1:2]
        else:
            others.append(line)
    further = [server for server in servers if _first_byte(server) is not None][1:]
    reached = [NAMESERVER, *(server for server in further if _first_byte(server) != LOOPBACK)]
    return "".join(f"{line}\n" for line in (*others, *(f"nameserver {server}" for server in reached))).encode()


def _content(path: str) -> bytes:
    """Of a file; nothing if it cannot be read."""
    with suppress(OSError):
        return Path(path).read_bytes()
    return b""


def _first_byte(server: str) -> int | None:
    """Of an IPv4 address; None for anything else."""
    try:
        return socket.inet_pton(socket.AF_INET, server)[0]
    except (OSError, ValueError):
        return None
