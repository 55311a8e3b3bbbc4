"""The environment variables of a function's processes (spec 10, guide 4423-4444)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol import wire
from runtime_api.protocol.settings import FunctionSettings

from . import managed_runtimes as managed
from .access import FALSE_CREDENTIALS, KEY_VARIABLES, Access
from .records import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "MAX_CONCURRENCY",
    "Places",
    "environment_variables",
    "extension_variables",
    "library_variables",
    "reserved_names",
]

OPT = "/opt"
MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"

ON_DEMAND = FunctionSettings("")
NO_ACCESS = Access()

# What extensions are not given, besides every name that begins with _ (AWS, Extensions API; RIE env/constants.go).
RUNTIMES_OWN = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)

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
    """Paths and addresses as the processes see them."""

    task_root: str
    layers: tuple[str, ...] = ()  # roots of layers, in the order of the function's list; the last one wins
    runtime_api: str = ""  # host:port
    log_stream: str = ""


def library_variables(found: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, str]:
    """Join the folders found in each layer to search paths; `found` is in the order of layers, and the last wins."""
    paths: dict[str, list[str]] = {}
    for layer in reversed(found):
        for name, folders in layer.items():
            paths.setdefault(name, []).extend(folders)
    return {name: ":".join(folders) for name, folders in paths.items() if folders}


def environment_variables(
    function: FunctionSpec,
    places: Places,
    libraries: Mapping[str, str] | None = None,
    settings: FunctionSettings = ON_DEMAND,
    access: Access = NO_ACCESS,
) -> dict[str, str]:
    """Return all variables of a runtime process.

    The customer's override LANG, PATH and the search paths; the reserved ones override the customer's. If the
    customer sets any credential, no false one is added: a true key with a false token is worse than none. With
    SnapStart there are none in the variables, since they would outlive the snapshot: the processes ask for them.
    """
    from_endpoint = bool(access.credentials_token)
    given = function.variables
    variables = {
        **_defaults(function, places, libraries or {}),
        **({} if KEY_VARIABLES & given.keys() else FALSE_CREDENTIALS),
        **given,
        **_reserved(function, places),
        **managed.shell_variables(function.runtime, places.task_root),
        **_log_format(function),
        **_mode(settings),
        **_metadata(places, access),
    }
    if not settings.max_concurrency:
        variables.pop(MAX_CONCURRENCY, None)  # a runtime would ask for more than one environment gets
    if not from_endpoint:
        return variables
    left_out = KEY_VARIABLES | _LOG_NAMES
    kept = {name: value for name, value in variables.items() if name not in left_out}
    return kept | _credentials_endpoint(places, access)


def _defaults(function: FunctionSpec, places: Places, found: Mapping[str, str]) -> dict[str, str]:
    roots = [root.rstrip("/") for root in reversed(places.layers)] or [OPT]
    runtime, task = function.runtime, places.task_root
    programs = [
        *managed.language_directory(runtime, "bin"),
        "/usr/local/bin",
        "/usr/bin/",
        "/bin",
        *(f"{root}/bin" for root in roots),
    ]
    libraries = [
        *managed.language_directory(runtime, "lib"),
        "/lib64",
        "/usr/lib64",
        managed.RUNTIME_DIRECTORY,
        f"{managed.RUNTIME_DIRECTORY}/lib",
        task,
        f"{task}/lib",
        *(f"{root}/lib" for root in roots),
    ]
    return {
        "LANG": "en_US.UTF-8",
        "PATH": ":".join(programs),
        "LD_LIBRARY_PATH": ":".join(libraries),
        **managed.search_paths(runtime, roots, task, found),
    }


def _reserved(function: FunctionSpec, places: Places) -> dict[str, str]:
    return {
        "AWS_LAMBDA_RUNTIME_API": places.runtime_api,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": places.log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_RUNTIME_DIR": managed.RUNTIME_DIRECTORY,
        "LAMBDA_TASK_ROOT": places.task_root,
        "TZ": ":UTC",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": function.handler,
        **managed.execution_environment(function.runtime),
    }


_LOG_NAMES = frozenset({"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"})


def _mode(settings: FunctionSettings) -> dict[str, str]:
    """How environments come to be, and how many invocations each of them runs at once."""
    kind = {"AWS_LAMBDA_INITIALIZATION_TYPE": settings.initialization_type.value}
    return kind | ({MAX_CONCURRENCY: str(settings.max_concurrency)} if settings.max_concurrency else {})


def _metadata(places: Places, access: Access) -> dict[str, str]:
    return {"AWS_LAMBDA_METADATA_API": places.runtime_api, "AWS_LAMBDA_METADATA_TOKEN": access.metadata_token}


def _credentials_endpoint(places: Places, access: Access) -> dict[str, str]:
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{places.runtime_api}{wire.CREDENTIALS}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": access.credentials_token,
    }


def extension_variables(runtime: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an external extension: the runtime's without those that describe the runtime."""
    return {name: value for name, value in runtime.items() if name not in RUNTIMES_OWN and not name.startswith("_")}


def _log_format(function: FunctionSpec) -> dict[str, str]:
    """What tells a runtime to write its log in JSON, and from which level on."""
    if not function.logging.is_json:
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.logging.application_level}


def reserved_names() -> frozenset[str]:
    """Return the names that a customer cannot set (guide 4423-4444)."""
    fixed = {**_reserved(FunctionSpec(""), Places("")), **_mode(ON_DEMAND), **_metadata(Places(""), NO_ACCESS)}
    return frozenset({*fixed, MAX_CONCURRENCY, managed.EXECUTION_ENVIRONMENT})
