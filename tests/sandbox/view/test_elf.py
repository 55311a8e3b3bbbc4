"""What compiled programs are linked with, as other tools report it; and files that only look like programs."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.sandbox.view.elf import Elf, read_elf
from tests.sandbox.view.worlds import CORE, Binary, elf

KNOWN = Binary(("liba.so.1", "libb.so"), "$ORIGIN/../lib:/srv/lib", loader="/lib/ld.so")


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("program", ["/bin/sh", "/usr/bin/env", os.path.realpath(sys.executable)])
def test_a_program_of_this_machine_is_read_as_other_tools_read_it(program: str) -> None:
    found = read_elf(os.path.realpath(program))
    with Path(program).open("rb") as file:
        dynamic: Any = ELFFile(file).get_section_by_name(".dynamic")
        assert found is not None
        assert found.needed == tuple(tag.needed for tag in dynamic.iter_tags("DT_NEEDED"))
        assert ":".join(found.runpath) == "".join(tag.runpath for tag in dynamic.iter_tags("DT_RUNPATH"))


def test_the_paths_that_a_program_names_are_found(tmp_path: Path) -> None:
    path = written(tmp_path / "program", elf(KNOWN))
    assert read_elf(path) == Elf("/lib/ld.so", KNOWN.needed, (), ("$ORIGIN/../lib", "/srv/lib"), "x86_64")
    old = written(tmp_path / "old", elf(Binary(("liba.so",), rpath="/srv/lib")))
    assert read_elf(old) == Elf("", ("liba.so",), ("/srv/lib",), (), "x86_64")


def test_what_is_no_program_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    core = written(tmp_path / "core", elf(Binary(kind=CORE)))
    texts = (b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF" + bytes(60), b"\x7fELF\x02\x01" + b"\xff" * 58)
    files = [written(tmp_path / str(number), text) for number, text in enumerate(texts)]
    odd = (core, *files, str(tmp_path), str(tmp_path / "pipe"), "/dev/zero", "a\0b")
    assert [path for path in odd if read_elf(path)] == []


def test_a_table_that_claims_to_be_huge_is_not_read_as_a_whole(tmp_path: Path) -> None:
    content = bytearray(elf(KNOWN))
    struct.pack_into("<H", content, 56, 0xFFFF)  # rows of the program header table
    struct.pack_into("<Q", content, 64 + 56 + 32, 1 << 62)  # size of the dynamic section
    read_elf(written(tmp_path / "huge", bytes(content)))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12), st.integers(0, 400))
def test_a_damaged_program_is_read_or_none(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(elf(KNOWN))
    for place, value in damage:
        content[place % len(content)] = value
    found = read_elf(written(tmp_path_factory.getbasetemp() / "damaged", bytes(content[: length or None])))
    assert found is None or isinstance(found, Elf)
