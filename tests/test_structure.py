"""Rules about the source as a whole: no import cycles, a size budget, declared public names, no machine paths."""

from __future__ import annotations

import ast
import re
import statistics
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.imports import find_cycles, import_graph, modules

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PRODUCT = ("bootjack", "runtime_api", "bootstrap/bootjack_bootstrap", "layers/bootjack_layers")
EVERYTHING = (*PRODUCT, "benchmarks", "docs", "examples", "tests")
TOP_LEVEL = ("Makefile", "README.md", "CHANGELOG.md", "pyproject.toml", ".ci/run")

MAX_FILE_LINES = 400
MAX_MEDIAN_FILE_LINES = 120
MAX_FUNCTION_LINES = 40  # in nine functions of ten
MACHINE_PATHS = re.compile(r"/(?:work|root)/|/tmp/(?:wt)\b")
# What users write: functions, not modules of this project.
HANDLERS = ("runtime_api/conformance/handlers", "runtime_api/commands/templates")


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def is_handler(path: Path) -> bool:
    return name(path).startswith(HANDLERS)


def line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


CYCLIC = {
    "one/__init__.py": "",
    "one/a.py": "from __future__ import annotations\nimport one.c",
    "one/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import A\n",
    "one/c.py": "def later():\n    from . import b\n    from one.d import D\n",
    "one/d.py": "import os\nfrom one import two\n",
    "one/two.py": "",
}


def test_a_cycle_of_late_and_type_checking_imports_is_found(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for file, text in CYCLIC.items():
        (tmp_path / file).write_text(text)
    assert find_cycles(import_graph(modules(tmp_path, "one"))) == [["one.a", "one.c", "one.b", "one.a"]]


def test_no_modules_import_one_another() -> None:
    places = [(ROOT / folder).parent for folder in EVERYTHING]
    packages = [Path(folder).name for folder in EVERYTHING]
    files = dict(chain.from_iterable(modules(*place).items() for place in zip(places, packages, strict=True)))
    cycles = find_cycles(import_graph(files))
    assert not cycles, "import cycles:\n" + "\n".join(" -> ".join(cycle) for cycle in cycles)


def test_no_file_is_too_long() -> None:
    assert [name(path) for path in python_files(*EVERYTHING) if line_count(path) > MAX_FILE_LINES] == []


@pytest.mark.parametrize("folders", [PRODUCT, EVERYTHING], ids=["product", "everything"])
def test_files_and_functions_are_short(folders: tuple[str, ...]) -> None:
    files = python_files(*folders)
    lengths = [node.end_lineno - node.lineno + 1 for path in files for node in functions(path) if node.end_lineno]
    assert statistics.median(count for path in files if (count := line_count(path))) <= MAX_MEDIAN_FILE_LINES
    assert statistics.quantiles(lengths, n=10)[-1] <= MAX_FUNCTION_LINES


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_module_declares_its_public_names() -> None:
    assert [name(path) for path in python_files(*PRODUCT) if not is_handler(path) and not declares(path)] == []


def declares(path: Path) -> bool:
    """Whether a module has `__all__` or needs none: it defines nothing public, or it is a program."""
    text = path.read_text("utf-8")
    if re.search(r"^(__all__\b|if __name__ == )", text, re.MULTILINE):
        return True
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return all(node.name.startswith("_") for node in ast.parse(text).body if isinstance(node, kinds))


def test_no_text_names_a_path_of_the_machine_it_was_written_on() -> None:
    files = [ROOT / top for top in TOP_LEVEL]
    files += [path for folder in EVERYTHING for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = [(path, path.read_bytes().decode("utf-8", "replace")) for path in files if path.suffix != ".pyc"]
    assert [name(path) for path, text in texts if MACHINE_PATHS.search(text)] == []
