"""The puppet: a process that takes orders from the kit over a unix socket, one JSON object per line.

The server runs it as the bootstrap and, under other names, as extensions. It runs under `python -IS`, with the
standard library only, so it starts within milliseconds. It never calls the Runtime API; the kit does.
`puppets.write_puppets` writes it as an executable file.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys

CONTROL = "{control}"
STREAMS = {"stdout": 1, "stderr": 2}


def descriptors() -> dict[str, str]:
    """The target of each open descriptor, except those used to read /proc and this file."""
    found = {}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except FileNotFoundError:
            continue
    return {name: place for name, place in found.items() if place != os.path.abspath(sys.argv[0])}  # noqa: PTH100


def report(inherited: dict[str, str]) -> dict[str, object]:
    """The environment that the platform gave this process."""
    return {
        "env": dict(os.environ),
        "argv": sys.argv[1:],
        "cwd": os.getcwd(),  # noqa: PTH109
        "nofile": list(resource.getrlimit(resource.RLIMIT_NOFILE)),
        "descriptors": inherited,
        "leads_session": os.getsid(0) == os.getpid(),
        "leads_group": os.getpgid(0) == os.getpid(),
        "blocked_signals": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    }


def die(name: str) -> None:
    """Die from a signal, without a core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number = signal.Signals[name]
    if name != "SIGKILL":
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def spawn() -> int:
    """Start a child that keeps stdout and stderr open, and keeps running."""
    return subprocess.Popen(["/bin/sleep", "60"], stdin=subprocess.DEVNULL).pid


def trap(control: socket.socket) -> None:
    """From now on report a SIGTERM to the kit instead of dying from it."""
    signal.signal(signal.SIGTERM, lambda *_: control.sendall(b'{"signal":"SIGTERM"}\n'))


def obey(order: dict[str, str], control: socket.socket, inherited: dict[str, str]) -> object:
    """Carry out an order, and return its result."""
    match order["order"]:
        case "report":
            return report(inherited)
        case "print":
            os.write(STREAMS[order["stream"]], order["text"].encode() * int(order.get("times", 1)))
        case "exit":
            os._exit(int(order["code"]))
        case "die":
            die(order["signal"])
        case "spawn":
            return {"child": spawn()}
        case "trap":
            trap(control)
    return {"done": order["order"]}


def main() -> None:
    """Introduce this process, then obey orders until the kit closes the connection."""
    inherited = descriptors()
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(CONTROL)
        hello = {
            "pid": os.getpid(),
            "name": os.path.basename(sys.argv[0]),  # noqa: PTH119
            "api": os.environ.get("AWS_LAMBDA_RUNTIME_API"),
        }
        control.sendall(json.dumps(hello).encode() + b"\n")
        for line in control.makefile("rb"):
            control.sendall(json.dumps(obey(json.loads(line), control, inherited)).encode() + b"\n")


if __name__ == "__main__":
    main()
