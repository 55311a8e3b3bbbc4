"""Building without a package index and without bundling a Python: content, refusals, bytecode."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bootjack_layers.build import BuildRequest, Step, build_steps
from bootjack_layers.bytecode import read_header
from bootjack_layers.errors import LayerError
from bootjack_layers.images import IMAGES, Image, find_image
from bootjack_layers.interpreter import inspect_python
from bootjack_layers.pack import Packed
from bootjack_layers.summary import summarize
from bootjack_layers.wheels import platforms
from tests.layers.elf_files import elf

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
REQUEST = BuildRequest(IMAGES["provided.al2023"], "x86_64", version=HERE)


def built(tmp_path: Path, request: BuildRequest) -> tuple[Path, list[Step]]:
    stage = tmp_path / "stage"
    stage.mkdir()
    return stage, list(build_steps(request, stage))


@pytest.fixture
def content(tmp_path: Path) -> Path:
    root = tmp_path / "content"
    (root / "python" / "pkg").mkdir(parents=True)
    (root / "python" / "pkg" / "__init__.py").write_text("def f():\n    raise ValueError\n")
    return root


def test_bytecode_is_validated_by_hash_and_names_opt(tmp_path: Path, content: Path) -> None:
    stage, _ = built(tmp_path, replace(REQUEST, content=content))
    cached = Path(importlib.util.cache_from_source(str(stage / "python" / "pkg" / "__init__.py")))
    head = read_header(cached.read_bytes())
    assert head is not None
    assert (head.hashed, head.checked) == (True, False)
    assert b"/opt/python/pkg/__init__.py" in cached.read_bytes()
    assert str(tmp_path).encode() not in cached.read_bytes()


def test_bytecode_is_loaded_although_times_differ(tmp_path: Path, content: Path) -> None:
    stage, _ = built(tmp_path, replace(REQUEST, content=content))
    os.utime(stage / "python" / "pkg" / "__init__.py", (315_532_800, 315_532_800))
    code = "import pkg; pkg.f()"
    run = subprocess.run(
        [sys.executable, "-v", "-B", "-c", code],
        env={"PYTHONPATH": str(stage / "python")},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert "pkg/__pycache__/__init__" in run.stderr
    assert "wrote" not in run.stderr
    assert "line 2, in f" in run.stderr


@pytest.mark.parametrize("kind", ["checked", None])
def test_other_kinds_of_bytecode(tmp_path: Path, content: Path, kind: str | None) -> None:
    (content / "python" / "pkg" / "__pycache__").mkdir()
    (content / "python" / "pkg" / "__pycache__" / "gone.cpython-39.pyc").write_bytes(b"stale")
    stage, _ = built(tmp_path, replace(REQUEST, content=content, bytecode=kind))  # type: ignore[arg-type]
    cached = list(stage.rglob("*.pyc"))
    heads = [read_header(path.read_bytes()) for path in cached]
    assert [(head.hashed, head.checked) for head in heads if head] == ([(True, True)] if kind else [])


def test_source_that_does_not_compile_is_reported_and_kept(tmp_path: Path, content: Path) -> None:
    (content / "python" / "old.py").write_text("print 'two'\n")
    stage, steps = built(tmp_path, replace(REQUEST, content=content))
    assert any(step.note and "python/old.py" in step.text for step in steps)
    assert (stage / "python" / "old.py").exists()


def test_missing_python_version_is_reported_and_there_is_no_bytecode(tmp_path: Path, content: Path) -> None:
    _, steps = built(tmp_path, replace(REQUEST, content=content, version="3.99"))
    assert any(step.note and "no Python 3.99 here" in step.text for step in steps)


def test_bytecode_is_not_compiled_for_an_unknown_python(tmp_path: Path, content: Path) -> None:
    stage, steps = built(tmp_path, replace(REQUEST, content=content, version=None))
    assert not list(stage.rglob("*.pyc"))
    assert any(step.note and "--python-version" in step.text for step in steps)


def test_directories_of_another_version_get_no_bytecode(tmp_path: Path, content: Path) -> None:
    other = content / "python" / "lib" / "python3.5" / "site-packages"
    other.mkdir(parents=True)
    (other / "x.py").write_text("x = 1\n")
    stage, _ = built(tmp_path, replace(REQUEST, content=content))
    assert not list((stage / "python" / "lib").rglob("*.pyc"))


def test_archive_of_an_earlier_build_is_not_packed(tmp_path: Path, content: Path) -> None:
    (content / "layer.zip").write_bytes(b"PK")
    stage, _ = built(tmp_path, replace(REQUEST, content=content, exclude=content / "layer.zip"))
    assert [path.name for path in stage.iterdir()] == ["python"]


@pytest.mark.parametrize(("runtime", "fits"), [("provided.al2023", True), ("provided.al2", False)])
def test_binaries_that_need_a_newer_glibc_are_refused(
    tmp_path: Path, content: Path, runtime: str, fits: bool
) -> None:
    (content / "lib.so").write_bytes(elf(needs={"libc.so.6": {"GLIBC_2.30": "twalk_r"}}))
    request = replace(REQUEST, content=content, image=find_image(runtime))
    if fits:
        built(tmp_path, request)
        return
    with pytest.raises(
        LayerError, match=r"lib\.so needs GLIBC_2\.30 \(symbol twalk_r\), but provided\.al2 has glibc 2\.26"
    ):
        built(tmp_path, request)


def test_truncated_binary_is_refused(tmp_path: Path, content: Path) -> None:
    (content / "lib.so").write_bytes(elf()[:100])
    with pytest.raises(LayerError, match=r"^lib\.so is not a readable ELF file: it is truncated"):
        built(tmp_path, replace(REQUEST, content=content))


def test_program_that_does_not_answer_like_a_python_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho '[]'\n")
    program.chmod(0o755)
    with pytest.raises(LayerError, match="program is not a working Python: it does not answer like one"):
        inspect_python(program)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"with_libc": True}, "--bundle-libc needs --with-python"),
        ({"with_python": True, "arch": "arm64"}, "build for arm64 on a machine of that architecture"),
        ({"with_python": True, "version": "3.5"}, "not 3.5"),
        ({"with_python": True, "python": Path("/nowhere/python")}, "/nowhere/python is not a working Python"),
        ({"with_python": True, "python": Path("/bin/sh")}, "is not a working Python"),
        ({"requirements": (Path("nowhere.txt"),)}, "--requirements nowhere.txt: no such file"),
    ],
)
def test_impossible_requests_are_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(LayerError, match=words):
        built(tmp_path, replace(REQUEST, **changes))  # type: ignore[arg-type]


def test_interpreter_of_a_virtual_environment_resolves_to_the_real_one() -> None:
    found = inspect_python(Path(sys.executable))
    assert found.dotted == HERE
    assert (found.stdlib / "os.py").is_file()
    assert not str(found.executable).startswith(sys.prefix + os.sep) or sys.prefix == sys.base_prefix


def test_platforms_count_down_from_the_image() -> None:
    tags = platforms("arm64", (2, 26))
    assert tags[0] == "manylinux_2_26_aarch64"
    assert tags.index("manylinux2014_aarch64") == tags.index("manylinux_2_17_aarch64") + 1
    assert tags[-1] == "linux_aarch64"


def test_sizes_are_summed_up_by_package() -> None:
    packed = [
        Packed("python/a/x", 10, 5),
        Packed("python/a/y", 1, 1),
        Packed("python/b.py", 2, 2),
        Packed("bootstrap", 3, 3),
    ]
    assert summarize(packed) == [("python/a/", 2, 11, 6), ("bootstrap", 1, 3, 3), ("python/", 1, 2, 2)]


def test_unknown_runtime_is_refused() -> None:
    assert isinstance(find_image("python3.13"), Image)
    with pytest.raises(LayerError, match=r"unknown runtime 'python2\.7'"):
        find_image("python2.7")
