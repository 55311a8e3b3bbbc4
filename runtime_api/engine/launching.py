"""How a runtime process is started: its program, its working directory and its environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.protocol.environment import RUNTIME
from runtime_api.sandbox import Launch
from runtime_api.sandbox.entrypoint import find_bootstrap, find_libraries
from runtime_api.service.variables import Places, environment_variables, library_variables

if TYPE_CHECKING:
    from runtime_api.sandbox import Sandbox
    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.service.access import Access
    from runtime_api.service.seams.catalog import ResolvedVersion

__all__ = ["plan_launch"]

WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"


def plan_launch(
    version: ResolvedVersion, program: Program, log_stream: str, access: Access, sandbox: Sandbox, runtime_api: str
) -> Launch:
    """Look at the code as it is now: a user may have repaired the bootstrap since the last start."""
    spec = version.spec
    program, inside = sandbox.arranged(program), sandbox.inside
    root = inside(program.task_root)
    places = Places(root, tuple(inside(layer) for layer in program.layers), runtime_api, log_stream)
    libraries = library_variables([find_libraries(layer, inside) for layer in program.layers])
    variables = environment_variables(spec, places, libraries, version.settings, access)
    if program.command:
        argv = (inside(program.command[0]), *program.command[1:])
        if program.is_wrapped and WRAPPER in spec.variables:
            argv = (spec.variables[WRAPPER], *argv)
        return Launch(RUNTIME, argv, Path(root), variables)
    bootstrap = find_bootstrap(program.places)
    if bootstrap is None:
        looked_for = tuple(inside(place) for place in program.places)
        return Launch(RUNTIME, (), Path(root), variables, looked_for, program.missing)
    return Launch(RUNTIME, (inside(bootstrap),), Path(root), variables)
