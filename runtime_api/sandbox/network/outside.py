"""The way out of a network of the sandbox's own: which program makes it, and how that is started.

slirp4netns or pasta makes an interface in the sandbox's network namespace, and passes on what arrives there through
sockets that it opens in the host's, as any program of the user would. Nothing on these command lines leads to the
host's loopback addresses, forwards a port to the function, or opens a socket that would take orders.
"""

from __future__ import annotations

import shlex
import shutil
from typing import NamedTuple

from .names import NAMESERVER

__all__ = ["UNREACHABLE", "Given", "Outside", "Started", "Tool", "find_tool", "start_of"]

UNREACHABLE = (
    "functions reach nothing outside their sandboxes, since neither slirp4netns nor pasta is installed (apt-get "
    "install slirp4netns, dnf install slirp4netns); --network host gives them this machine's network"
)
INTERFACE = "tap0"
ADDRESS, BITS, GATEWAY = "10.0.2.100", "24", "10.0.2.2"  # those of slirp4netns

# The shell becomes pasta. What it leaves behind waits until the other end of the lifeline is closed.
ENDED_WITH = "(read -r nothing <{lifeline}; kill -9 $$) </dev/null >/dev/null 2>&1 & exec {command}"
DESCRIPTOR = "/proc/self/fd/{}"


class Tool(NamedTuple):
    """The program that is used on this machine."""

    name: str
    path: str
    nsenter: str | None = None  # of util-linux


class Given(NamedTuple):
    """The descriptors that the program inherits."""

    network: int  # the network namespace
    users: int  # the user namespace that owns it
    ready: int  # the program writes to it once the interface can be used
    lifeline: int  # at its end when the program shall end
    said: int  # its messages


class Started(NamedTuple):
    """How to start the program."""

    command: list[str]
    standard: tuple[int, int, int]  # what its stdin, stdout and stderr are; -1: nothing


def find_tool() -> Tool | None:
    """Look for slirp4netns, which is ready in a quarter of pasta's time and takes a tenth of its memory, or pasta."""
    for name in ("slirp4netns", "pasta"):
        path = shutil.which(name)
        if path is not None:
            return Tool(name, path, shutil.which("nsenter"))
    return None


class Outside:
    """What this server knows of the way to the outside: the program, and what its user has been told."""

    def __init__(self) -> None:
        self.tool = find_tool()
        self._told: set[str] = set()

    def missing(self) -> str:
        """What to tell the user if there is no program; empty if there is one, or it has been told."""
        return "" if self.tool is not None else self.news(UNREACHABLE)

    def news(self, text: str) -> str:
        """The text, or nothing if it has been told before."""
        if text in self._told:
            return ""
        self._told.add(text)
        return text


def start_of(tool: Tool, given: Given, *, root: bool) -> Started:
    """How to start it; `root`: that is who does."""
    return _slirp(tool, given, root=root) if tool.name == "slirp4netns" else _pasta(tool, given, root=root)


def _slirp(tool: Tool, given: Given, *, root: bool) -> Started:
    """In its own sandbox slirp4netns sees no files and has no privileges.

    An ordinary user's can make that sandbox only as root of the user namespace: it enters the one of a process for
    that (version 1.2.0), and not one that it is given, although it enters the latter to make the interface.
    """
    network, users = DESCRIPTOR.format(given.network), DESCRIPTOR.format(given.users)
    arguments = [tool.path, "--configure", "--disable-host-loopback", "--enable-seccomp"]
    arguments += ["--ready-fd", str(given.ready), "--exit-fd", str(given.lifeline)]
    if root:
        arguments += ["--enable-sandbox", "--userns-path", users]
    elif tool.nsenter is not None:
        entered = [tool.nsenter, f"--user={users}", "--preserve-credentials", "--"]
        arguments = [*entered, *arguments, "--enable-sandbox"]
    else:
        arguments += ["--userns-path", users]
    return Started([*arguments, "--netns-type", "path", network, INTERFACE], (-1, -1, given.said))


def _pasta(tool: Tool, given: Given, *, root: bool) -> Started:
    """Pasta isolates itself. It gets the addresses of slirp4netns, so that the same ones are reached through it.

    Versions from 2024 on close all other descriptors than the standard ones before they look at their options.
    """
    arguments = ["--foreground", "--quiet", "--config-net", "--ipv4-only", "--no-map-gw"]
    arguments += [word for kind in ("-t", "-u", "-T", "-U") for word in (kind, "none")]
    arguments += ["--no-dhcp", "--no-ndp", "--no-ra", "--no-dhcpv6", "--ns-ifname", INTERFACE]
    arguments += ["--address", ADDRESS, "--netmask", BITS, "--gateway", GATEWAY, "--dns-forward", NAMESERVER]
    if root:  # as `nobody`, which root becomes by default, it could not enter the namespaces
        arguments += ["--runas", "0:0"]
    network, users, ready = map(DESCRIPTOR.format, range(3))
    arguments += ["--netns", network, "--userns", users, "--pid", ready]
    program = shlex.join([tool.path, *arguments])
    shell = ENDED_WITH.format(lifeline=DESCRIPTOR.format(given.lifeline), command=program)
    return Started(["/bin/sh", "-c", shell], (given.network, given.users, given.ready))
