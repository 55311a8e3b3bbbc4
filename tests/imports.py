"""The graph of imports between the modules of this repository, read from their source.

Every import statement counts: those inside functions and those under `if TYPE_CHECKING`, too, because a cycle that
only a type checker sees still ties its modules together. `from package import module` is an import of the module;
the package that a module stands in does not count as imported by it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["find_cycles", "import_graph", "modules"]


def modules(root: Path, *packages: str) -> dict[str, Path]:
    """Return the files of packages in a folder by module name."""
    found = {}
    for package in packages:
        for path in (root / package).rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def import_graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return the modules that each module imports, of those given."""
    return {
        name: {target for target in _imported(name, path, files) if target in files} for name, path in files.items()
    }


def _imported(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield submodule if submodule in known else base


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name of what stands between `from` and `import`."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)


def find_cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return one cycle for each set of modules that import one another; it begins and ends with the same name."""
    cycles = []
    left = set(graph)
    for start in sorted(graph):
        if start in left and (cycle := _shortest_cycle(graph, start)):
            cycles.append(cycle)
            left -= _reached(graph, start) & _reaching(graph, start)
    return cycles


def _shortest_cycle(graph: Mapping[str, set[str]], start: str) -> list[str] | None:
    """Search breadth-first for a way from a module back to itself."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for target in sorted(graph[way[-1]]):
            if target == start:
                return [*way, start]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return None


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _reaching(graph: Mapping[str, set[str]], end: str) -> set[str]:
    return {name for name in graph if end in _reached(graph, name)}
