"""The reader of binaries: against pyelftools on real ones, and against bytes that lie."""

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
from tests.layers.elves import ARM64, elf

REAL = sorted({Path(sys.executable).resolve(), *Path(sys.prefix).glob("lib/python3*/site-packages/**/*.so")})


def judged(path: Path) -> dict[str, Any]:
    """What pyelftools finds, by way of the sections."""
    with path.open("rb") as file:
        image = ELFFile(file)
        told: dict[str, Any] = {"needed": [], "rpath": "", "runpath": "", "versions": set()}
        for section in image.iter_sections():
            if isinstance(section, DynamicSection):
                told["needed"] += [tag.needed for tag in _tags(section, "DT_NEEDED")]
                told["rpath"] += "".join(tag.rpath for tag in _tags(section, "DT_RPATH"))
                told["runpath"] += "".join(tag.runpath for tag in _tags(section, "DT_RUNPATH"))
            if isinstance(section, GNUVerNeedSection):
                for library, versions in section.iter_versions():
                    told["versions"] |= {(library.name, version.name) for version in versions}
        return told


def _tags(section: DynamicSection, kind: str) -> list[Any]:
    return list(section.iter_tags(kind))


def test_real_binaries_are_read_as_pyelftools_reads_them() -> None:
    assert len(REAL) > 10
    for path in REAL:
        binary, told = read_binary(path), judged(path)
        assert list(binary.needed) == told["needed"], path
        assert ":".join(binary.rpath) == told["rpath"].strip(":"), path
        assert ":".join(binary.runpath) == told["runpath"].strip(":"), path
        assert {(need.library, need.version) for need in binary.needs} == told["versions"], path


def test_the_interpreter_names_its_loader_and_symbols() -> None:
    binary = read_binary(Path(sys.executable).resolve())
    assert binary.interpreter.startswith("/lib")
    assert ("libc.so.6", "__libc_start_main") in {(need.library, need.symbol) for need in binary.needs}


def test_all_of_a_made_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    needs = {"libc.so.6": {"GLIBC_2.17": "memcpy", "GLIBC_2.38": "strlcpy"}, "libm.so.6": {"GLIBC_2.29": "exp"}}
    path.write_bytes(elf(ARM64, ["libc.so.6", "libx.so"], needs, "/lib/ld", "/opt/a:/opt/b", "$ORIGIN"))
    binary = read_binary(path)
    assert (binary.machine, binary.interpreter, binary.needed) == ("arm64", "/lib/ld", ("libc.so.6", "libx.so"))
    assert (binary.rpath, binary.runpath) == (("/opt/a", "/opt/b"), ("$ORIGIN",))
    assert Need("libc.so.6", "GLIBC_2.38", "strlcpy") in binary.needs
    assert Need("libm.so.6", "GLIBC_2.29", "exp") in binary.needs


def test_another_class_or_byte_order_is_known_by_its_machine(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\x7fELF\x01\x02\x01" + bytes(9) + b"\0\x02\0\x16" + bytes(40))
    assert read_binary(path).machine == "s390x"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(58), elf()[:150]])
def test_what_is_cut_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    try:
        binary = read_binary(path)
    except ElfError as error:
        assert "x is no readable ELF file" in str(error)  # noqa: PT017
    else:
        assert binary.needed == ()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_bytes_that_lie_give_an_error_or_an_answer(tmp_path: Path, data: st.DataObject) -> None:
    honest = bytearray(elf(needed=["liba.so"], needs={"libc.so.6": {"GLIBC_2.17": "x"}}, interpreter="/lib/ld"))
    for _ in range(data.draw(st.integers(1, 6))):
        honest[data.draw(st.integers(4, len(honest) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x"
    path.write_bytes(honest[: data.draw(st.integers(1, len(honest)))])
    try:
        read_binary(path)
    except ElfError:
        assert path.stat().st_size


def test_scripts_are_no_binaries(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"#!/bin/sh")
    assert not is_elf(path)
