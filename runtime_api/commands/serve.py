"""`bootjack serve`: the local Lambda service, for many functions and many callers."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from runtime_api.protocol.limits import CURRENT

from .function import function_options, hand_over, make_function, sandbox_or_fail, sandbox_settings, with_command
from .options import ANY_SECONDS, NAME
from .serving import beside, blaming, say, serve_until_signalled
from .signals import interruptible, run

if TYPE_CHECKING:
    from runtime_api.local import LocalFunction
    from runtime_api.service.seams.archives import Archives
    from runtime_api.store.trees import Trees

    from .sources import Source
    from .watching import Watched

__all__ = ["command"]

ALIAS = "function"
GRACE_S = 5.0  # for running invocations, once the end has been asked for
RUNTIME_API_PORT = 9001
SHOWN_NAMES = 20
PORT = click.IntRange(0, 65535)


@click.command(cls=with_command("[[NAME=]TARGET... | -- COMMAND [ARG]...]"))
@click.argument("targets", nargs=-1, metavar="[[NAME=]TARGET]...")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address that invocations are taken at.")
@click.option("-p", "--port", type=PORT, default=9000, show_default=True, help="Its port; 0 picks one.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, CURRENT.concurrency_max),
    default=CURRENT.concurrency,
    show_default=True,
    metavar="N",
    help="Execution environments of one function at once; one more caller is throttled.",
)
@click.option(
    "--idle-timeout",
    type=ANY_SECONDS,
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="An execution environment that nobody has used for so long is ended.",
)
@click.option("-w", "--watch", is_flag=True, help="Replace a function when its code changes; needs bootjack[watch].")
@click.option(
    "--only-lambda-apis",
    is_flag=True,
    help="Start nothing: wait for a bootstrap that you start yourself, in a debugger say. Takes a NAME or none.",
)
@click.option(
    "--runtime-api-port",
    type=PORT,
    default=RUNTIME_API_PORT,
    show_default=True,
    help="With --only-lambda-apis, where that bootstrap finds the Runtime API; 0 picks one.",
)
@click.option("--allow-host", multiple=True, metavar="NAME", help="A Host name that may reach a loopback address.")
@click.option("--name", type=NAME, default=None, help="The name of a single function. [default: from TARGET]")
@function_options
def command(targets: tuple[str, ...], **options: Any) -> None:
    """Serve functions as Lambda does: Invoke by curl, SDKs and the aws CLI.

    A TARGET is an executable bootstrap, a directory or .zip that holds one (default: this directory), or the
    module.function of a Python handler; its function is called NAME, or as the file is. Or put any command behind --.
    A single function is reachable as `function` too.
    """
    from runtime_api.store.archives import DirectoryArchives
    from runtime_api.store.trees import Trees

    from .external_runtime import function_with_external_runtime
    from .sources import read_sources
    from .tuning import tune_server
    from .watching import Watched, check_watching

    with Trees() as trees:
        watched = []
        if options["only_lambda_apis"]:
            functions = [function_with_external_runtime(targets, options, ALIAS)]
            options["sandbox"] = "process"  # nothing is started
        else:
            sources = read_sources(targets, options["layers"], options["name"])
            make = partial(_make, options=options, archives=DirectoryArchives(trees), alone=len(sources) == 1)
            functions = [make(source) for source in sources]
            if options["watch"]:
                check_watching()
                watched = [Watched(source.name, source.paths, partial(make, source)) for source in sources]
        tune_server()
        with sandbox_or_fail(options):
            run(_serve(functions, watched, options, trees))


def _make(source: Source, *, options: dict[str, Any], archives: Archives, alone: bool) -> LocalFunction:
    from runtime_api.store.package import Package

    from .targets import find_layers, find_program

    with Package(archives) as package:
        roots = find_layers(source.layers, package, merged=options["sandbox"] != "process")
        return make_function(
            source.name,
            find_program(source.target, source.command, roots, package),
            options,
            concurrency=options["concurrency"],
            also_known_as=frozenset({ALIAS}) if alone else frozenset(),
            leases=tuple(package.leases),
        )


async def _serve(
    functions: list[LocalFunction], watched: list[Watched], options: dict[str, Any], trees: Trees
) -> None:
    from runtime_api.local import LocalLambda

    from .external_runtime import ask_for_a_bootstrap
    from .watching import watch

    address = options["host"], options["port"]
    allowed_hosts = frozenset(name.lower() for name in options["allow_host"])
    async with AsyncExitStack() as stack:
        with interruptible():
            local = await stack.enter_async_context(
                LocalLambda(
                    label_log=len(functions) > 1,
                    idle_timeout_s=options["idle_timeout"],
                    **sandbox_settings(options, trees),
                )
            )
            for function in functions:
                hand_over(local, function)
                _hint(function)
            with blaming("--host and --port", address):
                url = await local.listen(*address, allowed_hosts)
            say(f"bootjack: serving {_listed(functions)} at {url}")
            if functions[0].external_runtime:
                await ask_for_a_bootstrap(local, functions[0])
        if watched:
            await stack.enter_async_context(beside(watch(local, watched)))
        await serve_until_signalled(local, GRACE_S)


def _listed(functions: list[LocalFunction]) -> str:
    names = [function.configuration.name for function in functions]
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _hint(function: LocalFunction) -> None:
    """What is plainly wrong with a bootstrap, before the first caller finds out; it may still be mended."""
    from .advice import advice

    hint = None if function.external_runtime else advice(function.program)
    if hint:
        click.echo(f"bootjack: {function.configuration.name}: {hint}", err=True)
