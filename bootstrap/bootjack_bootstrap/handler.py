"""Finds the handler by its name (guide 11994-12010); each way to fail has an error type of its own."""

from __future__ import annotations

import os
import sys

from .faults import ErrorType, Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from .settings import Settings

__all__ = ["extend_path", "load_handler"]

CO_COROUTINE = 0x80  # as in `inspect`, whose import takes 20 ms
CO_ASYNC_GENERATOR = 0x200


def extend_path(settings: Settings) -> None:
    """Have the function's own modules found first, then those of layers.

    PYTHONPATH names the layers. An isolated interpreter ignores it, and an image may not set it: so the folders of
    /opt and the one that this package itself was shipped in are added.
    """
    root = settings.task_root
    layers = []
    if sys.flags.ignore_environment:
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        layers = [folder for folder in settings.python_path.split(":") if folder]
        layers += ["/opt/python", f"/opt/python/lib/{version}/site-packages"]
    layers += _own_folder()
    sys.path[:] = [root, *(folder for folder in layers if folder not in sys.path), *_without(sys.path, root)]


def _own_folder() -> list[str]:
    """The folder python/ of a layer, or of a function package, if this package is in it and `bootstrap` beside it."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    above, name = os.path.split(folder)
    return [folder] if name == "python" and os.path.isfile(f"{above}/bootstrap") else []


def _without(folders: list[str], root: str) -> list[str]:
    return [folder for folder in folders if folder not in ("", root)]


def load_handler(name: str) -> Callable[[Any, Any], Any]:
    """Import `module.function`, `pkg/module.function` or `module:Class.method`; a Fault if that fails.

    A method is bound to an instance of its class, which is created without arguments.
    """
    module_name, _, attributes = name.partition(":") if ":" in name else name.rpartition(".")
    if not module_name or not attributes:
        raise Fault(ErrorType.MALFORMED_HANDLER_NAME, f"Bad handler '{name}': not MODULE.FUNCTION")
    dotted = module_name.replace("/", ".")
    if dotted.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            ErrorType.BUILT_IN_MODULE_CONFLICT, f"Cannot use built-in module {module_name} as a handler module"
        )
    module = _imported(module_name, dotted)
    return _attribute(module, module_name, attributes)


def _imported(given: str, dotted: str) -> ModuleType:
    try:
        if "" in dotted.split("."):
            raise ImportError("a part of its name is empty")
        __import__(dotted)
        if dotted not in sys.modules:
            raise ImportError("it has removed itself from sys.modules")
        return sys.modules[dotted]
    except ImportError as error:
        raise Fault(ErrorType.IMPORT_MODULE_ERROR, f"Unable to import module '{given}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{given}': {error}"
        raise Fault(ErrorType.USER_CODE_SYNTAX_ERROR, message, trace) from None


def _attribute(module: ModuleType, module_name: str, attributes: str) -> Callable[[Any, Any], Any]:
    found: Any = module
    for name in attributes.split("."):
        owner = found
        if isinstance(owner, type) and _needs_instance(owner, name):
            owner = owner()
        try:
            found = getattr(owner, name)
        except AttributeError:
            message = f"Handler '{attributes}' missing on module '{module_name}'"
            raise Fault(ErrorType.HANDLER_NOT_FOUND, message) from None
    if not callable(found):
        message = f"Handler '{attributes}' on module '{module_name}' is not callable"
        raise Fault(ErrorType.HANDLER_NOT_FOUND, message)
    return found  # type: ignore[no-any-return]


def _needs_instance(owner: type, name: str) -> bool:
    """Whether this is an ordinary method, neither a class method nor a static one."""
    for base in owner.__mro__:
        if name in vars(base):
            return hasattr(vars(base)[name], "__code__")
    return False


def is_async(handler: Any) -> bool:
    """Whether an event loop has to run what the handler returns."""
    while hasattr(handler, "func") and hasattr(handler, "keywords"):  # functools.partial
        handler = handler.func
    if not hasattr(handler, "__code__"):
        handler = getattr(handler, "__func__", None) or type(handler).__call__
    code = getattr(handler, "__code__", None)
    return code is not None and bool(code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR))
