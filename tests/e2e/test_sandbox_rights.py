"""A hostile function in bubblewrap, of root and of an ordinary user, with the filter of system calls and without."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from runtime_api.sandbox.seccomp.rules import RULES
from tests.e2e.ordinary import User, ordinary_user
from tests.e2e.running import BOOTJACK, RUNTIMES, Serve

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

OPTIONS = ("--sandbox", "bubblewrap", "-m", "512", "-t", "30", "--no-freeze")
MACHINE = os.uname().machine
NUMBERS = {rule.name: getattr(rule, MACHINE) for rule in RULES}
OTHER_NUMBERS = {
    "x86_64": {"pidfd_open": 434, "process_vm_readv": 310},
    "aarch64": {"pidfd_open": 434, "process_vm_readv": 270},
}[MACHINE]
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
SESSION, USER, USER_SESSION = -3, -4, -5  # KEY_SPEC_..._KEYRING (keyctl(2))
GET_ID, JOIN, DESCRIBE, LINK, SEARCH, READ = 0, 1, 6, 8, 10, 11
NEW_USER, NEW_NETWORK = 0x1000_0000, 0x4000_0000
TIOCSTI, TIOCSETD, TIOCLINUX = 0x5412, 0x5423, 0x541C
NOTE = "functions may make every system call (--no-seccomp)"

# Gives the command that follows a session keyring with a key, and its user another key; writes down which ones.
WITH_KEYS = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    assert result >= 0, os.strerror(ctypes.get_errno())
    return result
add_key, keyctl, place = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
session = call(keyctl, 1, None)
call(keyctl, 8, -4, -3)  # as a login does: the user's keyring is linked from the session's
keys = [call(add_key, b"user", b"bootjack-test", b"secret", 6, ring) for ring in (-3, -4)]
for key in keys:
    call(keyctl, 15, key, 300)  # it ends by itself
with open(place, "w") as file:
    json.dump({"session": session, "user": call(keyctl, 0, -4, 0), "keys": keys}, file)
os.execv(sys.argv[4], sys.argv[4:])
"""


class Hostile(NamedTuple):
    """A server with a hostile function, and the keys of the user who runs it."""

    serve: Serve
    keys: dict[str, Any]
    filtered: bool
    mapped: bool  # the function is another user than the supervisor

    def ask(self, do: str, **how: Any) -> Any:
        return json.loads(self.serve.invoke(json.dumps({"do": do, **how}).encode()).body)

    def calls(self, *calls: tuple[Any, ...]) -> Any:
        """What becomes of system calls; each is the name and the arguments."""
        return self.ask("calls", calls=[[number(name), *arguments] for name, *arguments in calls])


def number(name: str) -> int:
    found: int = {**NUMBERS, **OTHER_NUMBERS}[name]
    return found


WAYS = [(user, filtered) for user in ("root", "root's own code", "ordinary") for filtered in (True, False)]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0]}, {'filter' if way[1] else 'no filter'}")
def hostile(request: pytest.FixtureRequest) -> Iterator[Hostile]:
    """A function of root's that is a user of its own, one of root's that is root's, and one of an ordinary user's."""
    who, filtered = request.param
    if who != "ordinary" and os.geteuid() != 0:
        pytest.skip("needs root")
    folder = Path(tempfile.mkdtemp(prefix="bootjack-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    try:
        user = ordinary_user(home) if who == "ordinary" else User((BOOTJACK,), home, 0)
        code = home / "code"
        shutil.copytree(RUNTIMES, code, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (code, *code.iterdir()):
            os.chown(path, user.number, user.number)
            path.chmod(0o755 if who == "root" else 0o700)
        keys = home / "keys"
        numbers = (str(NUMBERS["add_key"]), str(NUMBERS["keyctl"]))
        command = (*user.command[:-1], sys.executable, "-c", WITH_KEYS, *numbers, str(keys), BOOTJACK)
        options = (*OPTIONS, *(() if filtered else ("--no-seccomp",)), "hostile.handler")
        with Serve(*options, cwd=code, shown=False, command=command, env=user.environment) as serve:
            yield Hostile(serve, json.loads(keys.read_text()), filtered, who == "root")
    finally:
        shutil.rmtree(folder)


def test_all_capabilities_are_gone_and_none_can_be_gained(hostile: Hostile) -> None:
    status = hostile.ask("status")
    assert {name: status[name] for name in status if name.startswith("Cap")} == {
        f"Cap{kind}": "0000000000000000" for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")
    }
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == ("2" if hostile.filtered else "0")


def test_what_programs_do_works(hostile: Hostile) -> None:
    assert hostile.ask("what_programs_do") == {
        "threads": 190,
        "child": "1\n",
        "epoll": 1,
        "inotify": True,
        "memfd": 1,
        "thread of its own files": 0,
        "own memory": True,
        "own files": True,
    }


def test_the_supervisor_is_out_of_reach(hostile: Hostile) -> None:
    """Also without the filter, and also where it is the same user."""
    files = [("/proc/1/mem", "O_RDWR"), ("/proc/1/environ", "O_RDONLY"), ("/proc/1/fd/0", "O_RDONLY")]
    files += [("/proc/1/maps", "O_RDONLY"), ("/proc/1/task/1/mem", "O_RDWR"), ("/proc/1/root", "O_RDONLY")]
    files += [("/proc/1/ns/net", "O_RDONLY"), ("/proc/1/cwd", "O_RDONLY"), ("/proc/1/exe", "O_RDONLY")]
    assert set(hostile.ask("open", files=files)) == {"EACCES"}
    (supervisor,) = hostile.calls(("pidfd_open", 1, 0))
    assert supervisor > 0
    stolen = hostile.calls(*[("pidfd_getfd", supervisor, descriptor, 0) for descriptor in range(16)])
    assert set(stolen) == {"EPERM"}
    assert set(hostile.calls(("ptrace", PTRACE_ATTACH, 1, 0, 0), ("ptrace", PTRACE_SEIZE, 1, 0, 0))) == {"EPERM"}
    assert hostile.calls(("process_vm_readv", 1, 0, 0, 0, 0, 0)) in ([0], ["EPERM"])  # nothing asked for
    assert hostile.ask("read_memory_of", pid=1) == "EACCES"
    assert hostile.ask("read_memory_of", pid="self") == "7f454c46"  # ELF: the same attempt on itself succeeds


def test_a_signal_does_not_end_the_supervisor(hostile: Hostile) -> None:
    kill = {"x86_64": 62, "aarch64": 129}[MACHINE]
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGCHLD)
    said = hostile.ask("calls", calls=[[kill, 1, int(each)] for each in numbers])
    assert set(said) == {"EPERM" if hostile.mapped else 0}
    assert hostile.ask("status")["NSpid"]  # it still answers
    assert "signal: killed" not in hostile.serve.log()


def test_the_keys_of_the_user_are_out_of_reach(hostile: Hostile) -> None:
    session, keys = hostile.keys["session"], hostile.keys["keys"]
    attempts: list[tuple[Any, ...]] = [("keyctl", SEARCH, SESSION, "user", "bootjack-test", 0)]
    attempts += [("keyctl", READ, key, 0, 0) for key in keys]
    attempts += [("keyctl", LINK, session, SESSION), ("request_key", "user", "bootjack-test", 0, 0)]
    if hostile.filtered:  # which alone keeps a function from what every process of the user may do
        attempts += [("keyctl", LINK, hostile.keys["user"], SESSION), ("keyctl", READ, session, 0, 0)]
    said = hostile.calls(*attempts)
    assert set(said) <= ({"EPERM"} if hostile.filtered else {"ENOKEY", "EACCES"})
    assert hostile.ask("open", files=[("/proc/keys", "O_RDONLY")]) == ["EACCES"]


def test_the_session_keyring_is_new_and_empty(hostile: Hostile) -> None:
    found, size = hostile.calls(("keyctl", GET_ID, SESSION, 0), ("keyctl", READ, SESSION, 0, 0))
    if hostile.filtered:
        joined = hostile.calls(("keyctl", JOIN, 0), ("keyctl", JOIN, "bootjack-test"))
        assert {found, size, *joined} == {"EPERM"}
    else:
        assert found != hostile.keys["session"]
        assert size == 0


REFUSED_WITH_ANY_ARGUMENTS = [rule for rule in RULES if not rule.exception and getattr(rule, MACHINE) is not None]


def test_every_system_call_of_the_table_is_refused(hostile: Hostile) -> None:
    if not hostile.filtered:
        return
    said = hostile.calls(*[(rule.name, 0, 0, 0, 0, 0, 0) for rule in REFUSED_WITH_ANY_ARGUMENTS])
    refused = {rule.name: {1: "EPERM", 38: "ENOSYS"}[rule.refusal] for rule in REFUSED_WITH_ANY_ARGUMENTS}
    assert dict(zip(refused, said, strict=True)) == refused


# What the kernel itself lets anybody do, so that only the filter can be who refuses it.
ONLY_THE_FILTER: list[tuple[tuple[Any, ...], str]] = [
    (("personality", 8), "EPERM"),
    (("socket", 38, 5, 0), "EAFNOSUPPORT"),  # AF_ALG
    (("socket", 40, 1, 0), "EAFNOSUPPORT"),  # AF_VSOCK
    (("io_uring_setup", 1, 0), "ENOSYS"),
    (("add_key", "user", "mine", "x", 1, SESSION), "EPERM"),
    (("get_mempolicy", 0, 0, 0, 0, 0), "EPERM"),
    (("kcmp", 1, 1, 0, 0, 0), "EPERM"),
    (("clone3", 0, 0), "ENOSYS"),
    (("fsopen", "tmpfs", 0x1000), "ENOSYS"),
]


def test_only_the_filter_refuses_what_anybody_may_do(hostile: Hostile) -> None:
    said = hostile.calls(*[call for call, _ in ONLY_THE_FILTER])
    if hostile.filtered:
        assert said == [refusal for _, refusal in ONLY_THE_FILTER]
    else:
        assert isinstance(said[0], int)
        assert said[3] in ("EFAULT", "EPERM")  # sysctl kernel.io_uring_disabled
        assert isinstance(said[4], int)
        assert said[7] == "EINVAL"


def test_no_namespaces_can_be_made(hostile: Hostile) -> None:
    """Without the filter it is bubblewrap that forbids them, where it does not map the users."""
    attempts: list[tuple[Any, ...]] = [
        ("unshare", flags) for flags in (NEW_USER, NEW_USER | NEW_NETWORK, NEW_NETWORK)
    ]
    attempts += [("clone", flags | signal.SIGCHLD, 0, 0, 0, 0) for flags in (NEW_USER, NEW_NETWORK)]
    if hostile.filtered:
        assert set(hostile.calls(*attempts)) == {"EPERM"}
    elif not hostile.mapped:
        assert set(hostile.calls(*attempts[:2])) == {"ENOSPC"}


def test_nothing_can_be_typed_into_a_terminal(hostile: Hostile) -> None:
    requests = [(number("ioctl"), request) for request in (TIOCSTI, TIOCLINUX, TIOCSETD)]
    if hostile.filtered:
        assert set(hostile.ask("type_into_a_terminal", requests=requests)) == {"EPERM"}


@pytest.mark.skipif(MACHINE != "x86_64", reason="other layouts of system calls are x86's")
def test_calls_of_other_layouts_end_or_fail(hostile: Hostile) -> None:
    if hostile.filtered:
        assert hostile.ask("i386") == -signal.SIGSYS
        assert hostile.ask("calls", calls=[[0x4000_0000 | 39], [-1]]) == ["ENOSYS", "ENOSYS"]


def test_debuggers_work_between_the_functions_own_processes_without_the_filter(hostile: Hostile) -> None:
    attempts = [[number("ptrace"), PTRACE_SEIZE, "child", 0, 0], [number("pidfd_getfd"), "pidfd", 0, 0]]
    said = hostile.ask("calls_about_a_child", calls=attempts)
    if hostile.filtered:
        assert said == ["EPERM", "EPERM"]
    else:
        assert said[0] == 0
        assert said[1] > 0


def test_that_there_is_no_filter_is_said_once(hostile: Hostile) -> None:
    hostile.ask("status")
    assert hostile.serve.log().count(NOTE) == (0 if hostile.filtered else 1)


def test_no_core_is_dumped_and_the_kernel_kills_functions_first(hostile: Hostile) -> None:
    assert hostile.ask("limits") == {"core": [0, 0], "score": 1000}
