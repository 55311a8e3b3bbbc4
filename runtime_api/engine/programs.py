"""How the code of a package is run on this machine: what its runtime stands for, and what is found here.

| family | what runs |
|---|---|
| provided, custom | the `bootstrap` of the package or of a layer |
| python | our bootstrap, with this machine's Python of that version or the nearest one |
| nodejs | our bootstrap for Node.js, with this machine's Node.js, whatever its version |
| go | the executable that the handler names |
| an image | nothing: it is kept, and its invocations say so |
| ruby, java, dotnet | the `bootstrap` of the package or of a layer, without which nothing can run |
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.sandbox.entrypoint import Program, bootstrap_program
from runtime_api.sandbox.host_interpreters import find_node, find_python, numbers
from runtime_api.service.records import IMAGE
from runtime_api.service.runtimes import Family, runtime_of

if TYPE_CHECKING:
    from runtime_api.service.records import CodeRef
    from runtime_api.service.runtimes import Runtime

__all__ = ["Planned", "plan"]

BRING_ONE = "put an executable `bootstrap` that runs it into the package or a layer"
NO_IMAGES = "bootjack keeps functions of container images, but does not run them: upload a .zip with a `bootstrap`"
NO_NODE = f"there is no Node.js here: install node and restart bootjack, or {BRING_ONE}"


class Planned(NamedTuple):
    """What to run, and what its owner should know about it, if anything."""

    program: Program
    note: str = ""


async def plan(code: CodeRef, task_root: Path, layers: tuple[Path, ...]) -> Planned:
    """Decide how to run a package whose code and layers are in these directories."""
    own = bootstrap_program(task_root, layers)
    if code.id.startswith(IMAGE):
        return Planned(own._replace(missing=NO_IMAGES))
    runtime = runtime_of(code.runtime)
    match runtime.family:
        case Family.PYTHON if runtime.version[0] == 3:
            return await _python(runtime, code.handler, own)
        case Family.NODE:
            return await _node(runtime, code.handler, own)
        case Family.GO:
            return Planned(Program(task_root, layers, command=(str(task_root / code.handler),)))
        case Family.PROVIDED | Family.CUSTOM:
            return Planned(own)
        case _:
            return Planned(own._replace(missing=f"bootjack has no runtime for {runtime.id}: {BRING_ONE}"))


async def _python(runtime: Runtime, handler: str, own: Program) -> Planned:
    import bootjack_bootstrap

    interpreter = await find_python(runtime.version)
    bootstrap = Path(bootjack_bootstrap.__file__).with_name("bootstrap")
    program = _run_by(interpreter.path, bootstrap, handler, own)
    if numbers(interpreter.version)[:2] == runtime.version:
        return Planned(program)
    return Planned(program, f"{runtime.id} runs on Python {interpreter.version}, the nearest that works here")


async def _node(runtime: Runtime, handler: str, own: Program) -> Planned:
    import bootjack_bootstrap

    interpreter = await find_node()
    if interpreter is None:
        return Planned(own._replace(missing=f"{runtime.id} cannot run: {NO_NODE}"))
    bootstrap = Path(bootjack_bootstrap.__file__).with_name("node") / "bootstrap.cjs"
    # Our Python bootstrap starts a wrapper itself; Node.js cannot replace its process before version 22.
    program = _run_by(interpreter.path, bootstrap, handler, own)._replace(is_wrapped=True)
    if numbers(interpreter.version)[:1] == runtime.version[:1]:
        return Planned(program)
    return Planned(program, f"{runtime.id} runs on Node.js {interpreter.version}, the one on the PATH")


def _run_by(interpreter: str, bootstrap: Path, handler: str, own: Program) -> Program:
    command = (interpreter, str(bootstrap), handler)
    return Program(own.task_root, own.layers, command=command, mounts=(bootstrap.parent,))
