"""The environment variables of a function's processes (spec 10, guide 4423-4444)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.settings import InitializationType

from .records import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Places", "environment_variables", "library_variables", "reserved_names"]

RUNTIME_DIRECTORY = "/var/runtime"
OPT = "/opt"

# An SDK needs credentials to sign with; these are plainly false, so that nothing mistakes them for a key.
FALSE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "BOOTJACKFALSEKEYID00",
    "AWS_SECRET_ACCESS_KEY": "bootjack-gives-no-true-credentials",
    "AWS_SESSION_TOKEN": "bootjack-gives-no-true-credentials",
}

# Where a layer keeps the libraries of each language (guide 2778-2836), in search order (guide 4441-4443). Folders
# that are named after a version are found by pattern.
LIBRARY_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "NODE_PATH": ("nodejs/node[0-9]*/node_modules", "nodejs/node_modules"),
    "PYTHONPATH": ("python", "python/lib/python3.*/site-packages"),
    "GEM_PATH": ("ruby/gems/*",),
    "RUBYLIB": ("ruby/lib",),
    "CLASSPATH": ("java/lib/*.jar",),
}


class Places(NamedTuple):
    """Paths and addresses as the processes see them, and what else differs from environment to environment."""

    task_root: str
    layers: tuple[str, ...] = ()  # roots of layers, in the order of the function's list; the last one wins
    runtime_api: str = ""  # host:port
    log_stream: str = ""
    initialization_type: InitializationType = InitializationType.ON_DEMAND


def library_variables(found: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, str]:
    """Join the folders found in each layer to search paths; `found` is in the order of layers, and the last wins."""
    paths: dict[str, list[str]] = {}
    for layer in reversed(found):
        for name, folders in layer.items():
            paths.setdefault(name, []).extend(folders)
    return {name: ":".join(folders) for name, folders in paths.items() if folders}


def environment_variables(
    function: FunctionSpec, places: Places, libraries: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return all variables of a runtime process.

    The customer's override LANG, PATH and the search paths; the reserved ones override the customer's. If the
    customer sets any credential, no false one is added: a true key with a false token is worse than none.
    """
    return {
        **_defaults(places),
        **(libraries or {}),
        **({} if FALSE_CREDENTIALS.keys() & function.variables.keys() else FALSE_CREDENTIALS),
        **function.variables,
        **_reserved(function, places),
        **_log_format(function),
    }


def _defaults(places: Places) -> dict[str, str]:
    roots = [root.rstrip("/") for root in reversed(places.layers)] or [OPT]
    task = places.task_root
    programs = ["/usr/local/bin", "/usr/bin/", "/bin", *(f"{root}/bin" for root in roots)]
    libraries = [
        "/lib64",
        "/usr/lib64",
        RUNTIME_DIRECTORY,
        f"{RUNTIME_DIRECTORY}/lib",
        task,
        f"{task}/lib",
        *(f"{root}/lib" for root in roots),
    ]
    return {
        "LANG": "en_US.UTF-8",
        "PATH": ":".join(programs),
        "LD_LIBRARY_PATH": ":".join(libraries),
    }


def _reserved(function: FunctionSpec, places: Places) -> dict[str, str]:
    return {
        "AWS_LAMBDA_RUNTIME_API": places.runtime_api,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": places.initialization_type.value,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": places.log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_RUNTIME_DIR": RUNTIME_DIRECTORY,
        "LAMBDA_TASK_ROOT": places.task_root,
        "TZ": ":UTC",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": function.handler,
    }


def _log_format(function: FunctionSpec) -> dict[str, str]:
    """What tells a runtime to write its log in JSON, and from which level on."""
    if not function.logging.is_json:
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.logging.application_level}


def reserved_names() -> frozenset[str]:
    """Return the names that a customer cannot set (guide 4423-4444)."""
    return frozenset(_reserved(FunctionSpec(""), Places("")))
