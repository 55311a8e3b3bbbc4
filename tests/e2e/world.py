"""A machine with a network of its own, in which a command runs: `world.py RESOLVER COMMAND...`.

It has the address HERE, a server there and another one on its loopback, and a name server at RESOLVER that gives HERE
for every name. Started by `inside_world`, which gives the command line.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

__all__ = ["HERE", "HIDDEN", "OPEN", "inside_world"]

HERE = "198.51.100.1"
OPEN = 8080  # a port at HERE
HIDDEN = 8081  # a port of the loopback
TUN = "/dev/net/tun"
NETWORK = f"""
ip link set lo up
ip link add out0 type veth peer name out1
ip addr add {HERE}/24 dev out0
ip link set out0 up
ip link set out1 up
ip route add default via 198.51.100.254
"""


def inside_world(resolver: str, command: list[str]) -> list[str]:
    """The command line that runs a command in such a world."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    apart = ["unshare", *as_root, "--net", "--mount", "--propagation", "private"]
    return [*apart, sys.executable, __file__, resolver, *command]


def main(resolver: str, *command: str) -> int:
    subprocess.run(["/bin/sh", "-ec", NETWORK], check=True)
    _mount("/etc/resolv.conf", f"search example\nnameserver {resolver}\n")
    _open_tun()
    for address, port in ((HERE, OPEN), ("127.0.0.1", HIDDEN)):
        server = socket.create_server((address, port))
        threading.Thread(target=_greet, args=(server,), daemon=True).start()
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((resolver, 53))
    threading.Thread(target=_resolve, args=(names,), daemon=True).start()
    return subprocess.run(command, check=False).returncode


def _mount(place: str, content: str) -> None:
    """Show a file of this content at a place, without leaving it anywhere."""
    with tempfile.TemporaryDirectory(prefix="world-") as folder:
        source = Path(folder) / "file"
        source.write_text(content)
        source.chmod(0o644)
        subprocess.run(["mount", "--bind", source, place], check=True)


def _open_tun() -> None:
    """Let every user open /dev/net/tun, as most distributions do."""
    if os.geteuid() == 0 and not Path(TUN).stat().st_mode & stat.S_IWOTH:
        with tempfile.TemporaryDirectory(prefix="world-") as folder:
            source = Path(folder) / "tun"
            os.mknod(source, stat.S_IFCHR | 0o666, Path(TUN).stat().st_rdev)
            source.chmod(0o666)
            subprocess.run(["mount", "--bind", source, TUN], check=True)


def _greet(server: socket.socket) -> None:
    """Say on each connection which port it has reached."""
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"port %d" % server.getsockname()[1])


def _resolve(server: socket.socket) -> None:
    """Answer each question for an IPv4 address (RFC 1035, 4.1), and have none of any other kind."""
    while True:
        query, client = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        question = query[12:end]
        has_address = question[-4:-2] == b"\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(HERE) if has_address else b""
        counts = b"\0\1" + (b"\0\1" if has_address else b"\0\0") + b"\0\0\0\0"
        server.sendto(query[:2] + b"\x81\x80" + counts + question + answer, client)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
