"""What bootjack says about a bootstrap that cannot be started: certain from its files alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from runtime_api.commands.advice import advice, archives_of
from runtime_api.commands.python_handlers import handler_in, handler_near
from runtime_api.commands.rie import RUN_HANDLER
from runtime_api.commands.sources import Source
from runtime_api.sandbox.entrypoint import Program, bootstrap_program

HANDLER = "def hello(event, context):\n    return event\n"


def _advice_on(path: Path, **files: str | bytes) -> str | None:
    for name, content in files.items():
        file = path / name.replace("_py", ".py")
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(0o755)
    return advice(bootstrap_program(path))


def test_a_directory_without_a_bootstrap(tmp_path: Path) -> None:
    said = _advice_on(tmp_path)
    assert said == f"there is no bootstrap in {tmp_path}; put an executable file of that name there"


def test_a_directory_with_a_python_handler_only(tmp_path: Path) -> None:
    said = _advice_on(tmp_path, app_py=HANDLER)
    assert said is not None
    assert said.endswith("but app.py has a Python handler: to run it, add --handler app.hello")


def test_rie_runs_a_python_handler_by_a_command(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(HANDLER)
    said = advice(bootstrap_program(tmp_path), run_handler=RUN_HANDLER)
    assert str(said).endswith(
        "has a Python handler: to run it, give rie the command python3 -m bootjack_bootstrap app.hello"
    )


def test_an_archive_is_named_and_not_where_it_was_unpacked(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(HANDLER)
    program = bootstrap_program(tmp_path)
    archives = archives_of(Source("orders", "build/orders.zip", (), ()), program)
    said = advice(program, archives)
    assert said == (
        "there is no bootstrap in build/orders.zip, but app.py has a Python handler: to run it, add "
        "--handler app.hello"
    )
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    assert str(advice(program, archives)).startswith("bootstrap in build/orders.zip is not executable")


def test_a_bootstrap_in_an_archived_layer(tmp_path: Path) -> None:
    code, layer = tmp_path / "code", tmp_path / "layer"
    code.mkdir()
    layer.mkdir()
    (layer / "bootstrap").write_text("#!/bin/sh\n")
    program = bootstrap_program(code, (layer,))
    archives = archives_of(Source("orders", "code", (), (Path("runtime.zip"),)), program)
    assert str(advice(program, archives)).startswith("bootstrap in runtime.zip is not executable")


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_python_module_given_as_a_bootstrap(tmp_path: Path, mode: int) -> None:
    module = tmp_path / "app.py"
    module.write_text(HANDLER)
    module.chmod(mode)
    said = advice(Program(tmp_path, places=(module,)))
    assert said == (
        f"{module} is a Python module, not a bootstrap; to run its handler, give the directory {tmp_path} as TARGET "
        "and --handler app.hello"
    )


def test_a_python_script_is_a_bootstrap_like_any_other(tmp_path: Path) -> None:
    script = tmp_path / "runtime.py"
    script.write_text(f"#!{sys.executable}\n{HANDLER}")
    script.chmod(0o755)
    assert advice(Program(tmp_path, places=(script,))) is None


# -- compiled programs


def test_a_compiled_bootstrap_that_runs_here_causes_no_advice(tmp_path: Path) -> None:
    assert _advice_on(tmp_path, bootstrap=_compiled()) is None


def test_a_program_for_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.setattr("runtime_api.commands.advice.EMULATORS", tmp_path / "none")
    said = _advice_on(tmp_path, bootstrap=_compiled())
    assert said is not None
    assert said.endswith("and this machine is riscv64; build it for riscv64")


def test_a_program_for_another_machine_that_is_emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emulators = tmp_path / "binfmt_misc"
    emulators.mkdir()
    (emulators / "qemu-any").touch()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.setattr("runtime_api.commands.advice.EMULATORS", emulators)
    assert _advice_on(tmp_path, bootstrap=_compiled()) is None


def test_a_program_whose_loader_is_not_installed(tmp_path: Path) -> None:
    content = _compiled()
    loader = next(each for each in (b"/lib64/ld-linux", b"/lib/ld-linux") if each in content)
    said = _advice_on(
        tmp_path, bootstrap=content.replace(loader, b"/lib0/ld-LINUX"[: len(loader)].ljust(len(loader), b"X"))
    )
    assert said is not None
    assert "which is not installed here; install it, or link statically" in said


def test_a_damaged_program(tmp_path: Path) -> None:
    said = _advice_on(tmp_path, bootstrap=b"\x7fELF and no more")
    assert said is not None
    assert said.endswith("is damaged or no program; build or copy it again")


def _compiled() -> bytes:
    return Path(sys.executable).resolve().read_bytes()


# -- handlers


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (HANDLER, "app.hello"),
        ("async def later(event, context): ...", "app.later"),
        ("def any(*args): ...", "app.any"),
        ("def more(event, context, db=None): ...", "app.more"),
        ("def helper(a, b): ...\ndef lambda_handler(event, context): ...", "app.lambda_handler"),
        ("def _hidden(event, context): ...", None),
        ("def one(event): ...", None),
        ("def keyword(event, context, *, db): ...", None),
        ("class A:\n    def handler(self, event): ...", None),
        ("def broken(event, context", None),
        ("\0", None),
    ],
)
def test_handlers_are_found_without_running_a_file(tmp_path: Path, source: str, found: str | None) -> None:
    file = tmp_path / "app.py"
    file.write_text(f"raise SystemExit('it ran')\n{source}" if "\0" not in source else source)
    handler = handler_in(file)
    assert (handler and handler.target) == found


def test_the_usual_names_of_modules_come_first(tmp_path: Path) -> None:
    for name in ("a", "lambda_function", "z"):
        (tmp_path / f"{name}.py").write_text(HANDLER)
    handler = handler_near(tmp_path)
    assert handler is not None
    assert handler.target == "lambda_function.hello"


# -- what is no bootstrap at all


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; write a program or script to it"),
        (b"hello\n", "is neither a program nor a script; begin a script with #! and its interpreter"),
        (b"PK\3\4 and more", "is a .zip archive; give it a name that ends in .zip"),
        (b"\x1f\x8b\x08", "is a gzip archive, and Lambda takes .zip archives; unpack it"),
        (b"name".ljust(257, b"\0") + b"ustar", "is a tar archive, and Lambda takes .zip archives"),
    ],
)
def test_a_file_that_chmod_would_not_help(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "code"
    file.write_bytes(content)
    assert str(advice(Program(tmp_path, places=(file,)))).startswith(f"{file} {said}")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "orders.zip is an empty archive; zip the files that are to run, with the bootstrap at the top"),
        (("inner.zip",), "orders.zip holds nothing but inner.zip; give that one as TARGET"),
        (("inner.zip", "readme"), "there is no bootstrap in orders.zip; put an executable file of that name there"),
    ],
)
def test_an_archive_with_nothing_to_run(tmp_path: Path, files: tuple[str, ...], said: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    program = bootstrap_program(tmp_path)
    assert advice(program, archives_of(Source("orders", "orders.zip", (), ()), program)) == said


def test_something_else_that_is_called_bootstrap(tmp_path: Path) -> None:
    place = tmp_path / "bootstrap"
    place.symlink_to("nowhere")
    assert (
        advice(bootstrap_program(tmp_path)) == f"{place} is a link to nowhere, which is not there; link to a program"
    )
    place.unlink()
    place.mkdir()
    said = f"{place} is a directory; put an executable file in its place"
    assert advice(bootstrap_program(tmp_path)) == said
    place.rmdir()
    os.mkfifo(place)
    assert advice(bootstrap_program(tmp_path)) == said.replace("directory", "named pipe")
