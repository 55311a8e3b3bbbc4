"""Which system calls a function may make: a filter for the kernel (seccomp(2)), assembled ahead of time.

`rules.py` is the table of what is refused, with the numbers of each architecture. `program.py` makes a program of it
for the kernel's filter machine, and `bpf.py` makes bytes of that. `python -m runtime_api.sandbox.seccomp` keeps these
bytes beside this file, one file an architecture: a cold start opens it, bwrap reads it, nothing is computed.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["filter_file"]

PROGRAMS = {machine: Path(__file__).with_name(f"{machine}.bpf") for machine in ("x86_64", "aarch64")}


def filter_file(machine: str = os.uname().machine) -> Path | None:
    """The assembled filter for processes of this machine; None where there is none."""
    return PROGRAMS.get(machine)
