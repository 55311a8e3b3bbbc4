"""Rights that the first process of a sandbox gives up before anything else runs inside, and so for its children too.

Runs inside, sent together with `supervisor.py`. Python has no names for these system calls. Of ctypes it takes only
the core, `_ctypes`, which adds 0.3 ms to a start; the package would add 3 ms.
"""

from __future__ import annotations

import errno
import posix as os
import sys
from _ctypes import Array, _SimpleCData, addressof, call_function, dlopen, dlsym

__all__ = ["KILL", "SETGID", "SETUID", "give_up_rights"]

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP = 4, 22, 23, 24  # linux/prctl.h
SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
INSTRUCTION_BYTES, POINTER_BYTES = 8, 8
CAPABILITY_VERSION = 0x2008_0522  # _LINUX_CAPABILITY_VERSION_3: two words of 32 bits for each set
KILL, SETGID, SETUID = 1 << 5, 1 << 6, 1 << 7  # linux/capability.h
KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "loongarch64": 219, "ppc64le": 271, "s390x": 280}
JOIN_SESSION_KEYRING = 1
NO_KEYS_FOR_ANYONE = (
    0,
    errno.ENOSYS,
    errno.EPERM,
)  # it worked after all, a kernel without keys, a container that forbids them


class Octet(_SimpleCData):  # type: ignore[type-arg]  # only the stub has one
    """What the octets of a filter are to C."""

    _type_ = "c"


def give_up_rights(needed: int, system_calls: bytes | None) -> None:
    """Keep only the capabilities `needed`, and no keys, and become unreadable for other processes.

    `system_calls`: a filter for what is called from here on. Ends this process with a message if one is refused.
    """
    library = dlopen(None, 0)  # type: ignore[arg-type]  # as in dlopen(3): this program with its libc
    prctl, capset, syscall = (dlsym(library, name) for name in ("prctl", "capset", "syscall"))
    _empty_bounding_set(prctl)
    _set_capabilities(capset, needed)
    _leave_session_keyring(syscall)
    # Its memory, its descriptors and its threads are closed to a function, which may be the same user (ptrace(2)). A
    # child inherits that, and a program that it executes begins without it.
    call_function(prctl, (PR_SET_DUMPABLE, 0))
    if system_calls is not None:
        _filter(prctl, system_calls)


def _empty_bounding_set(prctl: int) -> None:
    """What is not in it, no program that is executed can ever get."""
    capability = 0
    while (held := call_function(prctl, (PR_CAPBSET_READ, capability))) >= 0:
        if held and call_function(prctl, (PR_CAPBSET_DROP, capability)):
            sys.exit(f"the kernel does not take capability {capability} away")
        capability += 1


def _set_capabilities(capset: int, needed: int) -> None:
    """Set permitted and effective ones; with nothing inheritable there is nothing ambient either."""
    header = CAPABILITY_VERSION.to_bytes(4, sys.byteorder) + bytes(4)  # of this process
    word = needed.to_bytes(4, sys.byteorder)
    if call_function(capset, (header, word + word + bytes(4 + 12))):
        sys.exit("the kernel does not take capabilities away")


def _leave_session_keyring(syscall: int) -> None:
    """Join a new, empty session keyring instead of the one of the user who runs bootjack."""
    number = KEYCTL.get(os.uname().machine)
    if number is None or call_function(syscall, (number, JOIN_SESSION_KEYRING, None)) >= 0:
        return
    refusal = _errno_of_joining(number)
    if refusal not in NO_KEYS_FOR_ANYONE:
        remedy = "; sysctl kernel.keys.maxkeys limits them for each user" if refusal == errno.EDQUOT else ""
        sys.exit(f"no session keyring: {os.strerror(refusal).lower()}{remedy}")


def _errno_of_joining(number: int) -> int:
    """Join again, to learn why that is refused; 0 if it is not."""
    import ctypes  # slow, but this is an error, and `_ctypes` alone does not give errno

    joined = ctypes.CDLL(None, use_errno=True).syscall(number, JOIN_SESSION_KEYRING, None)
    return 0 if joined >= 0 else ctypes.get_errno()


def _filter(prctl: int, program: bytes) -> None:
    """Have the kernel filter system calls from here on, by this program (seccomp(2)); bwrap has set no_new_privs."""
    octets = type("Octets", (Array,), {"_type_": Octet, "_length_": len(program)})
    held = octets.from_buffer(bytearray(program))  # type: ignore[attr-defined]  # of a type made just now
    count = len(program) // INSTRUCTION_BYTES
    order = sys.byteorder
    # struct sock_fprog (linux/filter.h): a short, and a pointer where one may stand
    described = count.to_bytes(POINTER_BYTES, order) + addressof(held).to_bytes(POINTER_BYTES, order)
    if call_function(prctl, (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, described)):
        sys.exit("the kernel does not filter system calls; --no-seccomp does without that")
