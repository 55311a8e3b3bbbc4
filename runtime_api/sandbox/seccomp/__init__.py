"""Which system calls a function may make: a filter for the kernel (seccomp(2)), assembled ahead of time.

`rules.py` is the table of what is refused, with the numbers of each architecture. `program.py` makes a program of it
for the kernel's filter machine, and `bpf.py` makes bytes of that. `python -m runtime_api.sandbox.seccomp` keeps these
bytes beside this file, one file an architecture: nothing is computed when a server or a sandbox starts.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

__all__ = ["PROGRAMS", "system_call_filter"]

PROGRAMS = {machine: Path(__file__).with_name(f"{machine}.bpf") for machine in ("x86_64", "aarch64")}


@cache
def system_call_filter(machine: str = os.uname().machine) -> bytes | None:
    """The assembled filter for processes of this machine; None where there is none."""
    file = PROGRAMS.get(machine)
    return None if file is None else file.read_bytes()
