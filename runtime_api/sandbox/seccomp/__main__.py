"""Writes the assembled filters: `python -m runtime_api.sandbox.seccomp` (`make filters`)."""

from __future__ import annotations

from . import PROGRAMS
from .program import ARCHITECTURES, program

if __name__ == "__main__":
    for architecture in ARCHITECTURES:
        PROGRAMS[architecture.machine].write_bytes(program(architecture))
