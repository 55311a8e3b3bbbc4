"""What the core may take from msgspec: a class for values, and nothing that reads or writes JSON.

The service's records are made and changed with more of it. Two modules read JSON: the extract of Lambda's model, and
what functions with a URL answer.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import runtime_api

ROOT = Path(runtime_api.__file__).parent
FILES = [*sorted((ROOT / "protocol").glob("*.py")), *sorted((ROOT / "service").rglob("*.py"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_but_struct_is_taken_from_msgspec(file: Path) -> None:
    taken = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "msgspec":
            taken |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            taken |= {alias.name for alias in node.names if alias.name.split(".")[0] == "msgspec"}
    allowed = {"protocol": {"Struct", "structs"}, "service": {"Struct", "field", "convert", "structs", "to_builtins"}}
    more = {"operations.py": {"json"}, "result_2_0.py": {"json", "DecodeError"}}.get(file.name, set())
    assert taken <= {f"msgspec.{name}" for name in allowed[file.relative_to(ROOT).parts[0]] | more}
