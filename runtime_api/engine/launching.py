"""How the processes of an environment are started: program, working directory and environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.protocol.environment import RUNTIME
from runtime_api.protocol.extensions import extension_name
from runtime_api.sandbox import Launch
from runtime_api.sandbox.entrypoint import find_bootstrap, find_extensions, find_libraries, has_extensions_off
from runtime_api.service.variables import Places, environment_variables, extension_variables, library_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.sandbox import Sandbox
    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.service.access import Access
    from runtime_api.service.seams.catalog import ResolvedVersion

__all__ = ["extension_names", "plan_launch"]

WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
EXTENSION_DIRECTORY = Path("/")


def extension_names(program: Program, sandbox: Sandbox) -> tuple[str, ...] | None:
    """The names of the external extensions in an open sandbox, in order of start; None: there may be none."""
    program = sandbox.arranged(program)
    return None if has_extensions_off(program) else tuple(find_extensions(program))


def plan_launch(
    version: ResolvedVersion,
    program: Program,
    log_stream: str,
    access: Access,
    sandbox: Sandbox,
    runtime_api: str,
    process: str,
) -> Launch:
    """Look at the code as it is now: a user may have repaired the bootstrap since the last start."""
    spec = version.spec
    program, inside = sandbox.arranged(program), sandbox.inside
    root = inside(program.task_root)
    places = Places(root, tuple(inside(layer) for layer in program.layers), runtime_api, log_stream)
    libraries = library_variables([find_libraries(layer, inside) for layer in program.layers])
    variables = environment_variables(spec, places, libraries, version.settings, access)
    if process != RUNTIME:
        return _plan_extension(process, find_extensions(program), sandbox, extension_variables(variables))
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


def _plan_extension(
    process: str, extensions: Mapping[str, Path], sandbox: Sandbox, variables: Mapping[str, str]
) -> Launch:
    found = extensions.get(extension_name(process))
    if found is None:  # somebody has removed it since the environment was opened
        missing = f"fork/exec /opt/{process}: no such file or directory"
        return Launch(process, (), EXTENSION_DIRECTORY, variables, missing=missing)
    return Launch(process, (sandbox.inside(found),), EXTENSION_DIRECTORY, variables)
