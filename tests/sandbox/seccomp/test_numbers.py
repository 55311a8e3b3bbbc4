"""The numbers in the table are those of this machine's kernel headers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runtime_api.sandbox.seccomp.rules import RULES

INCLUDE = Path("/usr/include")
PLACES = {
    "x86_64": ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h"),
    "aarch64": ("asm-generic/unistd.h",),
}
DEFINED = re.compile(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", re.MULTILINE)
LEAST_KNOWN = 55  # headers may be older than a row of the table


def headers() -> dict[str, dict[str, int]]:
    """The numbers by name, for each architecture whose header is here."""
    found = {
        machine: next(filter(Path.exists, map(INCLUDE.joinpath, names)), None) for machine, names in PLACES.items()
    }
    return {
        machine: {name: int(number) for name, number in DEFINED.findall(path.read_text())}
        for machine, path in found.items()
        if path is not None
    }


@pytest.mark.slow  # which is where a compiler, and its headers, must be installed
def test_there_are_headers_to_compare_with() -> None:
    assert "aarch64" in headers(), "install the C library's headers (apt-get install libc6-dev)"


@pytest.mark.parametrize("machine", PLACES)
def test_numbers_are_those_of_the_kernel(machine: str) -> None:
    defined = headers().get(machine)
    if defined is None:
        pytest.skip("the other architecture's headers come with a cross compiler")
    listed = {rule.name: getattr(rule, machine) for rule in RULES}
    known = {name: number for name, number in listed.items() if name in defined}
    assert known == {name: defined[name] for name in known}
    assert len(known) >= LEAST_KNOWN
    newest = max(defined.values())
    assert [name for name, number in listed.items() if name not in known and number and number <= newest] == []
