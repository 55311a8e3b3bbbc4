"""`bootjack serve`: the local Lambda service, for many functions and many callers."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from .environment_mode import MODE_VARIABLES, environment_mode
from .file_names import file_names
from .function import function_of_source, hand_over
from .function_options import function_options
from .log_options import look_of
from .options import give_up
from .sandbox_options import sandbox_options
from .serve_options import serve_options
from .service_options import aws_settings, known_keys, s3_endpoint, service_options
from .serving import beside, blaming, opened, say, serve_until_signalled
from .signals import interruptible, run
from .temporary import temporary_trees
from .verb import Verb, command_behind_dashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.local import LocalFunction, LocalLambda
    from runtime_api.store.sqlite.directory import DataDirectory
    from runtime_api.store.sqlite.logs import LogStore
    from runtime_api.store.trees import Trees

    from .environment_mode import EnvironmentMode
    from .function_options import FunctionOptions
    from .sandbox_options import SandboxOptions
    from .serve_options import ServeOptions
    from .service_options import ServiceOptions
    from .sources import Source
    from .watching import Watched

__all__ = ["command"]

ALIAS = "function"
GRACE_S = 5.0  # for running invocations to finish, after the first signal
SHOWN_NAMES = 20
MEBIBYTE = 1_048_576


@click.command(
    cls=Verb,
    usage="[[NAME=]TARGET... | -- COMMAND [ARG]...]",
    takes_command=True,
    arguments=(
        (
            "[[NAME=]TARGET]...",
            "The code of each function: a directory or .zip file with a bootstrap at its top, a bootstrap itself, or "
            "module.function for a Python handler. NAME defaults to the name of the file. Without any "
            "TARGET, the functions are those that callers create, and those in --data.",
        ),
        ("-- COMMAND [ARG]...", "Any other command line that runs a Lambda runtime."),
    ),
    variables=MODE_VARIABLES,
    examples=(
        "bootjack serve orders=./orders billing=./billing.zip --watch",
        "bootjack serve app.handler --layer ./layer --concurrency 50",
        "bootjack serve --only-lambda-apis orders",
        "",
        "curl -d '{\"id\": 1}' http://127.0.0.1:9000/2015-03-31/functions/orders/invocations",
        "aws lambda invoke --endpoint-url http://127.0.0.1:9000 --function-name orders response.json",
    ),
)
@click.argument("targets", nargs=-1, metavar="[[NAME=]TARGET]...", shell_complete=file_names)
@serve_options
@service_options
@function_options
@sandbox_options
def command(
    targets: tuple[str, ...],
    server: ServeOptions,
    service: ServiceOptions,
    function: FunctionOptions,
    sandbox: SandboxOptions,
) -> None:
    """Serve functions over Lambda's Invoke API, for curl, the AWS SDKs and the aws CLI.

    The URL of the server goes to stdout; the log, with all that functions write, goes to stderr. If there is only one
    function, the name `function` invokes it, too. On Ctrl-C or SIGTERM running invocations get 5 seconds to finish; a
    second one ends them at once.
    """
    from runtime_api.engine.events import EventSettings
    from runtime_api.local import LocalLambda
    from runtime_api.service.owners import DEFAULT_OWNER, Owner
    from runtime_api.service.profiles import PROFILES

    from .external_runtime import external_function
    from .tuning import tune_server

    mode = environment_mode(os.environ, "--snapstart", server.max_concurrency, snap_start=server.snapstart)
    aws = aws_settings(service, os.environ)
    keys, endpoint = known_keys(service, os.environ), s3_endpoint(service)
    with temporary_trees() as trees, _data(server) as data, _logs(server) as logs:
        watched: list[Watched] = []
        if server.only_lambda_apis:
            functions = [external_function(targets, server, function, sandbox, ALIAS, mode)]
            sandbox = replace(sandbox, kind="process")  # nothing is started
        else:
            functions, watched = _make_all(targets, server, function, sandbox, trees, mode)
        local = LocalLambda(
            label_log=len(functions) != 1,
            idle_timeout_s=server.idle_timeout_s,
            sandbox=sandbox.wanted,
            freeze=not sandbox.no_freeze,
            cpu_share=sandbox.cpu_share,
            seccomp=not sandbox.no_seccomp,
            trees=trees,
            allowed_hosts=server.allowed_hosts,
            client_timeout_s=server.client_timeout_s,
            max_connections=server.max_connections,
            owner=Owner(DEFAULT_OWNER.account, function.region),
            data=data,
            limits=replace(PROFILES[server.profile].limits, concurrency=server.concurrency),
            runtimes=PROFILES[server.profile].runtimes,
            keys=keys,
            s3_endpoint=endpoint,
            hot_reload=service.hot_reload,
            enforce_policies=service.enforce_policies,
            logs=logs,
            stream_rate=None if server.stream_rate_mb is None else server.stream_rate_mb * MEBIBYTE,
            look=look_of(quiet=server.quiet, trace=server.trace),
            events=EventSettings(server.async_retry_base_s, aws, server.schedules),
        )
        tune_server()
        with sandbox.explained():
            run(_serve(local, functions, watched, server))


@contextmanager
def _data(server: ServeOptions) -> Iterator[DataDirectory | None]:
    """Take the directory of --data for the block."""
    if server.data is None:
        yield None
        return
    from runtime_api.store.sqlite.database import StoreError
    from runtime_api.store.sqlite.directory import DataDirectory

    try:
        directory = DataDirectory(server.data)
    except StoreError as error:
        give_up(f"--data: {error}")
    with directory:
        yield directory


@contextmanager
def _logs(server: ServeOptions) -> Iterator[LogStore | None]:
    """Open the store of logs for the block: in --data, which is locked by now, or in a file that has no name."""
    if not server.log_storage_mb:
        yield None
        return
    from runtime_api.store.sqlite.database import StoreError
    from runtime_api.store.sqlite.logs import LogStore

    path = None if server.data is None else server.data / "logs.sqlite"
    try:
        store = LogStore(path, server.log_storage_mb * MEBIBYTE)
    except StoreError as error:
        give_up(f"--data: {error}")
    with store:
        yield store


def _make_all(
    targets: tuple[str, ...],
    server: ServeOptions,
    options: FunctionOptions,
    sandbox: SandboxOptions,
    trees: Trees,
    mode: EnvironmentMode,
) -> tuple[list[LocalFunction], list[Watched]]:
    """Make the functions, and say what to watch for them."""
    from runtime_api.store.archives import DirectoryArchives

    from .sources import read_sources
    from .watching import Watched, check_watching

    if not targets and not command_behind_dashes():
        return [], []
    sources = read_sources(targets, options.layers, server.name)
    archives = DirectoryArchives(trees)
    aliases = frozenset({ALIAS}) if len(sources) == 1 else frozenset[str]()

    def make(source: Source) -> LocalFunction:
        function = function_of_source(source, options, sandbox, archives)
        _hint(source, function)
        return replace(
            function,
            concurrency=server.concurrency,
            max_concurrency=mode.max_concurrency,
            snap_start=mode.snap_start,
            also_known_as=aliases,
            function_url=server.function_url,
            invoke_mode=server.invoke_mode,
        )

    functions = [make(source) for source in sources]
    if not server.watch:
        return functions, []
    check_watching()
    return functions, [Watched(source.name, source.paths, partial(make, source)) for source in sources]


async def _serve(
    local: LocalLambda, functions: list[LocalFunction], watched: list[Watched], server: ServeOptions
) -> None:
    from .external_runtime import exports, open_external
    from .watching import watch

    async with AsyncExitStack() as stack:
        with interruptible():
            await stack.enter_async_context(opened(local))
            for function in functions:
                hand_over(local, function)
            with blaming("--host and --port", (server.host, server.port)):
                url = await local.listen(server.host, server.port, allowed_origins=server.allowed_origins)
            runtime_api = await open_external(local, functions[0]) if server.only_lambda_apis else None
        say(f"bootjack: serving {_listed(functions)} at {url}")
        for function in functions[:SHOWN_NAMES]:
            name = function.configuration.name
            say(f"bootjack: curl -d '{{}}' {url}/2015-03-31/functions/{name}/invocations")
            if server.function_url:
                say(f"bootjack: {name} answers HTTP at {local.function_url(name, url)} and {url}/lambda-url/{name}/")
        if runtime_api is not None:
            say(exports(functions[0], runtime_api))
        if watched:
            await stack.enter_async_context(beside(watch(local, watched)))
        await serve_until_signalled(local, GRACE_S)


def _listed(functions: list[LocalFunction]) -> str:
    names = [function.configuration.name for function in functions] or ["what callers create"]
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _hint(source: Source, function: LocalFunction) -> None:
    """Say what is plainly wrong with a bootstrap before the first caller finds out; it can still be fixed."""
    from .advice import advice, archives_of

    hint = advice(function.program, archives_of(source, function.program))
    if hint:
        click.echo(f"bootjack: {source.name}: {hint}", err=True)
