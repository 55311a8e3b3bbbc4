"""The puppet: a process that takes orders from the kit over a unix socket, one JSON object per line.

An order has a number, and its result has it, too. A message without one tells of something that happened.

The socket lies beside the bootstrap, so that a sandbox that shows nothing but the function's code shows it as well.

The server runs it as the bootstrap and, under other names, as extensions. It runs under `python -IS`, with the
standard library only, so it starts within milliseconds. It never calls the Runtime API; the kit does, over
connections that the puppet makes: a server may answer only the processes that it has started, and their network may
be their own. The kit knows the puppet's pid from the socket, since pids may be their own, too.
`puppets.write_puppets` writes the puppet as an executable file.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys

CONTROLS = ("{control}", "/var/task/{control_name}")  # outside and inside of a sandbox
STREAMS = {"stdout": 1, "stderr": 2}
CONNECT_S = 5


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


def reply(
    control: socket.socket, order: dict[str, str], result: dict[str, object], passed: socket.socket | None = None
) -> None:
    """Send the result of an order, with a socket maybe."""
    line = json.dumps({**result, "to": order["number"]}).encode() + b"\n"
    if passed is None:
        control.sendall(line)
    else:
        socket.send_fds(control, [line], [passed.fileno()])


def connect(order: dict[str, str], control: socket.socket, connections: dict[int, socket.socket]) -> None:
    """Pass a connection to the kit. A copy is kept here, so that it stays one of a process of the server's."""
    try:
        connection = socket.create_connection((order["host"], int(order["port"])), CONNECT_S)
    except OSError as error:
        reply(control, order, {"connected": 0, "error": error.errno})
        return
    connection.setblocking(True)
    connections[connection.fileno()] = connection
    reply(control, order, {"connected": connection.fileno()}, connection)


def listen(order: dict[str, str], control: socket.socket) -> None:
    """Pass a listening socket to the kit. No copy is kept here: the kit alone accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reply(control, order, {"listening": listener.getsockname()[1]}, listener)


def obey(order: dict[str, str], control: socket.socket, inherited: dict[str, str]) -> dict[str, object]:
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
    connections: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(next(filter(os.path.exists, CONTROLS)))
        hello = {
            "name": os.path.basename(sys.argv[0]),  # noqa: PTH119
            "api": os.environ.get("AWS_LAMBDA_RUNTIME_API"),
        }
        control.sendall(json.dumps(hello).encode() + b"\n")
        for line in control.makefile("rb"):
            order = json.loads(line)
            if order["order"] == "connect":
                connect(order, control, connections)
                continue
            if order["order"] == "listen":
                listen(order, control)
                continue
            if order["order"] == "let go":
                connections.pop(int(order["connection"])).close()
            reply(control, order, obey(order, control, inherited))


if __name__ == "__main__":
    main()
