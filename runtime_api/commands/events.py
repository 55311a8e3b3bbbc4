"""`bootjack events`: the group of verbs that look at the events of a running server."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

import click

from .endpoint import Endpoint, endpoint_option
from .option_groups import OPTIONS, options_under
from .options import REGION, Whole, give_up
from .root import Verbs
from .signing import signer_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EventService", "command", "listing_options", "server_options", "time_of"]

EVENTS = "/_bootjack/events"
MAPPINGS = "/_bootjack/mappings"
FAILED = 1  # exit code: the server has refused what was asked of it
MOST = 1000


class EventVerbs(Verbs):
    """The verbs of this group."""

    verbs: ClassVar = {
        "list": "List the events that wait or run.",
        "dead": "List the events that were given up, and where they went.",
        "resend": "Run events that were given up once more.",
        "discard": "Delete events that wait or were given up.",
    }
    prefix = "events_"


@click.group(cls=EventVerbs, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look at the asynchronous invocations of a running `bootjack serve`; without a verb, list those that wait."""
    if ctx.invoked_subcommand is None:
        verb = ctx.command.get_command(ctx, "list") if isinstance(ctx.command, Verbs) else None
        assert verb is not None
        ctx.invoke(verb)


def server_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which server is asked, and whose functions are meant."""
    region = options_under(OPTIONS)(
        "--region",
        type=REGION,
        default=None,
        help="Region of the functions.  [default: $AWS_REGION, $AWS_DEFAULT_REGION, or else every region]",
    )
    return endpoint_option(region(verb))


def listing_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Add what the verbs that list events share."""
    option = options_under(OPTIONS)
    most = option("--most", type=Whole("N", 1, MOST), default=100, show_default=True, help="List so many at most.")
    as_json = option("--json", "as_json", is_flag=True, help="Print them as a JSON array, payloads included.")
    function = click.argument("function", required=False, metavar="[FUNCTION]")
    return function(most(as_json(server_options(verb))))


def time_of(shown: str) -> str:
    """Return a time of the server's for a table: to the second."""
    return f"{shown[:19].replace('T', ' ')}Z"


class EventService:
    """The events of a server."""

    def __init__(self, url: str, region: str | None) -> None:
        self._endpoint = Endpoint(url, signer_of(os.environ, region))

    def listed(self, path: str, function: str | None, most: int) -> list[dict[str, Any]]:
        """Return events from one of the server's lists."""
        query = {"most": str(most)} | ({} if function is None else {"function": function})
        found: list[dict[str, Any]] = self._ask("GET", f"{EVENTS}{path}?{urlencode(query)}")["events"]
        return found

    def mappings(self, function: str | None) -> list[dict[str, Any]]:
        """Return the event source mappings of a function, or all."""
        query = "" if function is None else f"?{urlencode({'function': function})}"
        found: list[dict[str, Any]] = self._ask("GET", f"{MAPPINGS}{query}")["mappings"]
        return found

    def change(self, method: str, path: str) -> None:
        """Do something with one event; exit with code 1 and the server's reason when it refuses."""
        self._ask(method, f"{EVENTS}{path}")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        answer = self._endpoint.ask(method, path)
        if answer.status < 300 and answer.document:
            return answer.document
        message = answer.document.get("Message") or answer.document.get("message")
        if not message or answer.document.get("Type") is None:
            give_up(f"{self._endpoint.url} has nothing of that to show: is it bootjack serve?")
        click.echo(f"bootjack: {message}", err=True)
        sys.exit(FAILED)
