"""The ELF reader, compared with pyelftools on real binaries and run on hostile bytes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootjack_layers.elf import ElfError, Need, is_elf, read_binary
from tests.layers.elf_files import ARM64, elf

PACKAGES = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
REAL = sorted({Path(sys.executable).resolve(), *(path for folder in PACKAGES for path in folder.glob("**/*.so"))})


def read_by_pyelftools(path: Path) -> dict[str, Any]:
    """The same facts, read from the sections."""
    with path.open("rb") as file:
        image = ELFFile(file)
        found: dict[str, Any] = {"needed": [], "rpath": "", "runpath": "", "versions": set()}
        for section in image.iter_sections():
            if isinstance(section, DynamicSection):
                found["needed"] += [tag.needed for tag in _tags(section, "DT_NEEDED")]
                found["rpath"] += "".join(tag.rpath for tag in _tags(section, "DT_RPATH"))
                found["runpath"] += "".join(tag.runpath for tag in _tags(section, "DT_RUNPATH"))
            if isinstance(section, GNUVerNeedSection):
                for library, versions in section.iter_versions():
                    found["versions"] |= {(library.name, version.name) for version in versions}
        return found


def _tags(section: DynamicSection, kind: str) -> list[Any]:
    return list(section.iter_tags(kind))


def test_real_binaries_are_read_as_pyelftools_reads_them() -> None:
    assert len(REAL) > 10
    for path in REAL:
        binary, found = read_binary(path), read_by_pyelftools(path)
        assert list(binary.needed) == found["needed"], path
        assert ":".join(binary.rpath) == found["rpath"].strip(":"), path
        assert ":".join(binary.runpath) == found["runpath"].strip(":"), path
        assert {(need.library, need.version) for need in binary.needs} == found["versions"], path


def test_loader_and_symbols_of_this_python_are_read() -> None:
    binary = read_binary(Path(sys.executable).resolve())
    assert binary.interpreter.startswith("/lib")
    assert ("libc.so.6", "__libc_start_main") in {(need.library, need.symbol) for need in binary.needs}


def test_every_field_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    needs = {"libc.so.6": {"GLIBC_2.17": "memcpy", "GLIBC_2.38": "strlcpy"}, "libm.so.6": {"GLIBC_2.29": "exp"}}
    path.write_bytes(elf(ARM64, ["libc.so.6", "libx.so"], needs, "/lib/ld", "/opt/a:/opt/b", "$ORIGIN"))
    binary = read_binary(path)
    assert (binary.machine, binary.interpreter, binary.needed) == ("arm64", "/lib/ld", ("libc.so.6", "libx.so"))
    assert (binary.rpath, binary.runpath) == (("/opt/a", "/opt/b"), ("$ORIGIN",))
    assert Need("libc.so.6", "GLIBC_2.38", "strlcpy") in binary.needs
    assert Need("libm.so.6", "GLIBC_2.29", "exp") in binary.needs


def test_machine_of_another_class_or_byte_order_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\x7fELF\x01\x02\x01" + bytes(9) + b"\0\x02\0\x16" + bytes(40))
    assert read_binary(path).machine == "s390x"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(58), elf()[:150]])
def test_truncated_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    try:
        binary = read_binary(path)
    except ElfError as error:
        assert "x is not a readable ELF file" in str(error)  # noqa: PT017
    else:
        assert binary.needed == ()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_hostile_bytes_give_an_error_or_a_result(tmp_path: Path, data: st.DataObject) -> None:
    honest = bytearray(elf(needed=["liba.so"], needs={"libc.so.6": {"GLIBC_2.17": "x"}}, interpreter="/lib/ld"))
    for _ in range(data.draw(st.integers(1, 6))):
        honest[data.draw(st.integers(4, len(honest) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x"
    path.write_bytes(honest[: data.draw(st.integers(1, len(honest)))])
    try:
        read_binary(path)
    except ElfError:
        assert path.stat().st_size


def test_script_is_not_an_elf_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"#!/bin/sh")
    assert not is_elf(path)
