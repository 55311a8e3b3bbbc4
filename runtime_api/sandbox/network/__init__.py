"""What a function can reach: the values, and what its options and variables ask for."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["OWN_PORT", "Network", "forwarded_ports", "port_refusal"]

OWN_PORT = 9001  # of the Runtime API in a network of a sandbox's own, as on Lambda
ENDPOINT = "AWS_ENDPOINT_URL"  # of all services; with _ and a service's name behind it, of that service
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_PORTS = {"http": 80, "https": 443}
MOST_PORTS = 100  # each has two listeners, and one packet takes 253 descriptors (SCM_MAX_FD, linux/net/scm.h)


class Network(StrEnum):
    """Whose network the processes of a sandbox are in."""

    OWN = "own"  # their own, with a way to the outside
    HOST = "host"
    NONE = "none"  # their own, without one


def forwarded_ports(network: Network, variables: Mapping[str, str], allowed: Iterable[int]) -> tuple[int, ...]:
    """The loopback ports of this machine that a function can reach, in order.

    `allowed` are those that its user has named. In a network of its own with a way to the outside, the URLs of AWS
    services among its `variables` name more. ValueError, with what to do, for a port that cannot be forwarded.
    """
    if network is Network.HOST:
        return ()
    asking = dict.fromkeys(allowed, "")
    if network is Network.OWN:
        asking = {**_endpoint_ports(variables), **asking}
    for port, variable in asking.items():
        refusal = port_refusal(port)
        if refusal:
            raise ValueError(f"{variable or 'a loopback port'} names {refusal}; or share the host's network")
    if len(asking) > MOST_PORTS:
        raise ValueError(f"{len(asking)} loopback ports are too many to forward; name at most {MOST_PORTS}")
    return tuple(sorted(asking))


def port_refusal(port: int) -> str:
    """Why a loopback port cannot be forwarded, and what to do; empty if it can."""
    if not 1 <= port <= 65535:
        return f"port {port}, which is out of range: give 1 to 65535"
    if port == OWN_PORT:
        return f"port {port}, where a function has its Runtime API: let that server listen on another port"
    return ""


def _endpoint_ports(variables: Mapping[str, str]) -> dict[int, str]:
    """The ports of loopback URLs, each with a variable that names it."""
    names = (name for name in variables if name == ENDPOINT or name.startswith(f"{ENDPOINT}_"))
    found = {_loopback_port(variables[name]): name for name in names}
    return {port: name for port, name in found.items() if port is not None}


def _loopback_port(url: str) -> int | None:
    from urllib.parse import urlsplit  # a command line starts sooner without it

    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # no URL; its user will say so
        return None
    if parts.scheme not in DEFAULT_PORTS or not (host in LOOPBACK_NAMES or host.endswith(".localhost")):
        return None
    return DEFAULT_PORTS[parts.scheme] if port is None else port
