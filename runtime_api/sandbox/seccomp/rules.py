"""The table of system calls that functions are refused, and the arguments that make an exception.

It is a list of what is refused, since one of what is allowed would break runtimes with every new kernel and libc. Its
rows are those that flatpak (common/flatpak-run.c) refuses, those that Docker's default profile refuses a program
without privileges, and large parts of the kernel that functions do without: io_uring, userfaultfd, odd sockets.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h (aarch64).
"""

from __future__ import annotations

from errno import EAFNOSUPPORT, ENOSYS, EPERM
from typing import NamedTuple

__all__ = ["RULES", "HasNone", "Is", "IsNot", "Rule"]


class Is(NamedTuple):
    """An argument (0 is the first) is one of these values: its low half, since the kernel takes each as an int."""

    argument: int
    values: tuple[int, ...]


class IsNot(NamedTuple):
    """An argument is none of these values, in the same way."""

    argument: int
    values: tuple[int, ...]


class HasNone(NamedTuple):
    """An argument has none of these bits, in the same way."""

    argument: int
    bits: int


class Rule(NamedTuple):
    """One refused system call; if there is an exception, calls for which it holds are allowed."""

    name: str
    x86_64: int | None  # None: the architecture does not have it
    aarch64: int | None
    refusal: int = EPERM  # ENOSYS where programs then try something older
    exception: Is | IsNot | HasNone | None = None


# clone(2): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. In unshare(2) also NEWTIME, which
# clone cannot take: there the bit belongs to the signal that is sent at the end.
NEW_NAMESPACE = 0x7E02_0000
UNSHARED_NAMESPACE = NEW_NAMESPACE | 0x80
FAMILIES = (0, 1, 2, 10, 16)  # AF_UNSPEC, UNIX, INET, INET6, NETLINK; the libc asks NETLINK for the interfaces
PERSONALITIES = (0, 0x0004_0000, 0xFFFF_FFFF)  # Linux, ADDR_NO_RANDOMIZE, and the question which one it is
TIOCSTI, TIOCSETD, TIOCLINUX = 0x5412, 0x5423, 0x541C  # to type into a terminal, to change its driver, the console

RULES = (
    # -- the machine's own affairs
    Rule("acct", 163, 89),
    Rule("clock_settime", 227, 112),
    Rule("delete_module", 176, 106),
    Rule("fanotify_init", 300, 262),
    Rule("finit_module", 313, 273),
    Rule("init_module", 175, 105),
    Rule("ioperm", 173, None),
    Rule("iopl", 172, None),
    Rule("kexec_file_load", 320, 294),
    Rule("kexec_load", 246, 104),
    Rule("lookup_dcookie", 212, 18),
    Rule("modify_ldt", 154, None),
    Rule("open_by_handle_at", 304, 265),
    Rule("quotactl", 179, 60),
    Rule("quotactl_fd", 443, 443),
    Rule("reboot", 169, 142),
    Rule("setdomainname", 171, 162),
    Rule("sethostname", 170, 161),
    Rule("settimeofday", 164, 170),
    Rule("swapoff", 168, 225),
    Rule("swapon", 167, 224),
    Rule("syslog", 103, 116),
    Rule("uselib", 134, None),
    Rule("vhangup", 153, 58),
    # -- namespaces and mounts: to be root in a namespace of one's own opens more of the kernel than all the rest
    Rule("chroot", 161, 51),
    Rule("clone", 56, 220, exception=HasNone(0, NEW_NAMESPACE)),
    Rule("clone3", 435, 435, ENOSYS),  # its flags lie in memory, where no filter can look; libcs fall back to clone
    Rule("fsconfig", 431, 431, ENOSYS),
    Rule("fsmount", 432, 432, ENOSYS),
    Rule("fsopen", 430, 430, ENOSYS),
    Rule("fspick", 433, 433, ENOSYS),
    Rule("mount", 165, 40),
    Rule("mount_setattr", 442, 442, ENOSYS),
    Rule("move_mount", 429, 429, ENOSYS),
    Rule("open_tree", 428, 428, ENOSYS),
    Rule("open_tree_attr", 467, 467, ENOSYS),
    Rule("pivot_root", 155, 41),
    Rule("setns", 308, 268),
    Rule("umount2", 166, 39),
    Rule("unshare", 272, 97, exception=HasNone(0, UNSHARED_NAMESPACE)),
    # -- keys: those of the user who runs bootjack are within reach of every process of that user
    Rule("add_key", 248, 217),
    Rule("keyctl", 250, 219),
    Rule("request_key", 249, 218),
    # -- other processes
    Rule("kcmp", 312, 272),
    Rule("perf_event_open", 298, 241),
    Rule("pidfd_getfd", 438, 438),
    Rule("ptrace", 101, 117),
    # -- where memory lies
    Rule("get_mempolicy", 239, 236),
    Rule("mbind", 237, 235),
    Rule("migrate_pages", 256, 238),
    Rule("move_pages", 279, 239),
    Rule("set_mempolicy", 238, 237),
    Rule("set_mempolicy_home_node", 450, 450),
    # -- large and seldom needed parts of the kernel
    Rule("bpf", 321, 280),
    Rule("io_uring_enter", 426, 426, ENOSYS),
    Rule("io_uring_register", 427, 427, ENOSYS),
    Rule("io_uring_setup", 425, 425, ENOSYS),
    Rule("ioctl", 16, 29, exception=IsNot(1, (TIOCSTI, TIOCLINUX, TIOCSETD))),
    Rule("personality", 135, 92, exception=Is(0, PERSONALITIES)),
    Rule("socket", 41, 198, EAFNOSUPPORT, Is(0, FAMILIES)),
    Rule("socketpair", 53, 199, EAFNOSUPPORT, Is(0, FAMILIES)),
    Rule("userfaultfd", 323, 282),
)
