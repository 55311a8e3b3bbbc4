"""The options of `bootjack serve` itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime_api.protocol.limits import CURRENT, PROFILE_NAMES

from .access_options import access_options
from .log_options import quiet_option, trace_option
from .option_groups import OPTIONS, option_group, options_under
from .options import IDLE, MAX_CONCURRENCY, NAME, PORT, Seconds, TextType, Whole

if TYPE_CHECKING:
    from runtime_api.service.schedules import Schedule

__all__ = ["ServeOptions", "serve_options"]

RUNTIME_API_PORT = 9001
MOST_RETRY_BASE_S = 3600


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says of the server."""

    host: str
    port: int
    data: Path | None
    log_storage_mb: int
    name: str | None
    watch: bool
    concurrency: int
    max_concurrency: int
    snapstart: bool
    idle_timeout_s: float
    async_retry_base_s: float
    schedules: tuple[Schedule, ...]
    profile: str
    function_url: bool
    invoke_mode: str
    stream_rate_mb: int | None
    only_lambda_apis: bool
    runtime_api_port: int
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    client_timeout_s: float
    max_connections: int | None
    trace: bool
    quiet: bool


class ScheduleType(TextType):
    """An expression of EventBridge's, and the function that it invokes."""

    name = "schedule"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from runtime_api.service.schedules import ScheduleError, parse_schedule

        try:
            return parse_schedule(value)
        except ScheduleError as error:
            self.fail(str(error), param, ctx)


option = options_under(OPTIONS)

serve_options = option_group(
    ServeOptions,
    "server",
    option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on."),
    option("-p", "--port", type=PORT, default=9000, show_default=True, help="Port to listen on; 0 picks a free one."),
    option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        default=None,
        help="Keep the functions that callers create, and events that have not been run, in this directory; the next "
        "server finds them there.  [default: they go with the server]",
    ),
    option(
        "--log-storage",
        "log_storage_mb",
        type=Whole("MB", 0, 1_048_576),
        default=256,
        show_default=True,
        help="Keep so much of what functions write, for bootjack logs and the CloudWatch Logs API; the oldest goes "
        "first. 0 keeps nothing.",
    ),
    option("--name", type=NAME, default=None, help="Name of a single function.  [default: from TARGET]"),
    option(
        "-w",
        "--watch",
        is_flag=True,
        help="Reload a function when its code or a layer changes. Needs pip install 'bootjack[watch]'.",
    ),
    option(
        "--concurrency",
        type=Whole("N", 1, CURRENT.concurrency_max),
        default=CURRENT.concurrency,
        show_default=True,
        help="Execution environments of each function version, unless its function has reserved concurrency. "
        "Invocations beyond that are throttled.",
    ),
    option(
        "--max-concurrency",
        type=MAX_CONCURRENCY,
        default=0,
        metavar="N",
        help="Invocations that an execution environment of each TARGET runs at once; 0 is one after another, without "
        "the rules of managed concurrency.  [default: AWS_LAMBDA_MAX_CONCURRENCY, or 0]",
    ),
    option(
        "--snapstart",
        is_flag=True,
        help="Let environments of each TARGET wait as snapshots after their init, and restore them for their first "
        "invocation. Nothing is copied: hooks run, and credentials come from an endpoint.",
    ),
    option(
        "--idle-timeout",
        "idle_timeout_s",
        type=IDLE,
        default=300,
        show_default=True,
        help="Stop an execution environment after this many idle seconds.",
    ),
    option(
        "--async-retry-base",
        "async_retry_base_s",
        type=Seconds(MOST_RETRY_BASE_S, positive=False),
        default=60,
        show_default=True,
        help="Try an event whose invocation has failed again after so long, and once more after twice that.",
    ),
    option(
        "--schedule",
        "schedules",
        type=ScheduleType(),
        metavar="'EXPRESSION=NAME'",
        multiple=True,
        help="Send EventBridge's event to a function again and again: 'rate(5 minutes)=NAME', six fields in UTC as "
        "in 'cron(0 12 * * ? *)=NAME', or once, 'at(2026-01-31T12:00:00)=NAME'. What was due while no server ran "
        "on --data is sent once.",
    ),
    option(
        "--limits",
        "profile",
        type=click.Choice(PROFILE_NAMES),
        default="current",
        show_default=True,
        help="What Lambda allows: today, or in the developer guide of 2019 (memory up to 3008 MB in steps of 64, "
        "billing by 100 ms, events up to 256 KB, the runtimes of that year).",
    ),
    option(
        "--function-url",
        is_flag=True,
        help="Give each function a URL for HTTP requests. Anyone who can reach the port may use it.",
    ),
    option(
        "--invoke-mode",
        type=click.Choice(("BUFFERED", "RESPONSE_STREAM")),
        default="BUFFERED",
        show_default=True,
        help="How the URLs of --function-url answer: when the function has ended, or piece by piece as it streams.",
    ),
    option(
        "--stream-rate",
        "stream_rate_mb",
        type=Whole("MB", 1, 1000),
        default=None,
        help="Stream a response at no more than so many MB a second, after its first 6 MB. Lambda's rate is 2.  "
        "[default: as fast as it goes]",
    ),
    option(
        "--only-lambda-apis",
        is_flag=True,
        help="Start no bootstrap; wait for one that you start, in a debugger for example. Nothing times out. Takes "
        "the function's NAME in place of a TARGET.",
    ),
    option(
        "--runtime-api-port",
        type=PORT,
        default=RUNTIME_API_PORT,
        show_default=True,
        help="Port of the Runtime API for --only-lambda-apis; 0 picks a free one.",
    ),
    trace_option,
    quiet_option,
    *access_options,
)
