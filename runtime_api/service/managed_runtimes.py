"""The variables by which Lambda's own runtimes differ from each other and from `provided` (as recorded on AWS).

`NODE_EXTRA_CA_CERTS` is left out: Node.js warns at each start of a file that is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .runtimes import Family, family_of, runtime_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EXECUTION_ENVIRONMENT", "execution_environment", "language_directory", "search_paths", "shell_variables"]

EXECUTION_ENVIRONMENT = "AWS_EXECUTION_ENV"
RUNTIME_DIRECTORY = "/var/runtime"
BY_A_SHELL = (Family.PYTHON, Family.NODE)  # what starts these runtimes on Lambda, and is run by bootjack itself
WITHOUT_LANGUAGE = ("provided", "provided.al2")


def execution_environment(runtime: str) -> dict[str, str]:
    """Return the variable that names the runtime; OS-only runtimes and images have none."""
    named = family_of(runtime) not in (None, Family.PROVIDED, Family.CUSTOM)
    return {EXECUTION_ENVIRONMENT: f"AWS_Lambda_{runtime}"} if named else {}


def language_directory(runtime: str, folder: str) -> tuple[str, ...]:
    """Return where Lambda has the language itself: what the search paths for programs and libraries begin with."""
    return () if runtime in WITHOUT_LANGUAGE else (f"/var/lang/{folder}",)


def shell_variables(runtime: str, task_root: str) -> dict[str, str]:
    """Return what the shell sets that starts the runtime on Lambda."""
    return {"PWD": task_root, "SHLVL": "0"} if family_of(runtime) in BY_A_SHELL else {}


def search_paths(runtime: str, roots: Sequence[str], task_root: str, found: Mapping[str, str]) -> dict[str, str]:
    """Return the search paths of the languages; `found` has the folders there are in layers.

    `roots` are those of the layers, in search order.
    """
    match family_of(runtime):
        case Family.PYTHON:
            of_layers = found.get("PYTHONPATH")
            return {**found, "PYTHONPATH": f"{of_layers}:{RUNTIME_DIRECTORY}" if of_layers else RUNTIME_DIRECTORY}
        case Family.NODE:
            return {**found, "NODE_PATH": ":".join(_node_folders(runtime, roots, task_root))}
        case _:
            return dict(found)


def _node_folders(runtime: str, roots: Sequence[str], task_root: str) -> list[str]:
    """Of layers, only the folders for this version of Node.js, and for any; whether they are there or not."""
    version = runtime_of(runtime).version[:1]
    versions = [f"nodejs/node{number}/node_modules" for number in version]
    of_layers = [f"{root}/{folder}" for root in roots for folder in (*versions, "nodejs/node_modules")]
    return [*of_layers, f"{RUNTIME_DIRECTORY}/node_modules", RUNTIME_DIRECTORY, task_root]
