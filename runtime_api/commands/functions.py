"""`bootjack functions`: the group of verbs that look at the functions of a running server."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode

import click

from .endpoint import Endpoint, endpoint_option
from .option_groups import OPTIONS, options_under
from .options import REGION, give_up
from .root import Verbs
from .signing import signer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .endpoint import Answer

__all__ = ["FAILED", "Service", "command", "server_options", "table"]

FUNCTIONS = "/2015-03-31/functions"
FAILED = 1  # exit code: the server has refused what was asked of it


class FunctionVerbs(Verbs):
    """The verbs of this group."""

    verbs: ClassVar = {
        "list": "List the functions of a server.",
        "show": "Show a function's configuration.",
        "remove": "Delete functions with all of their versions.",
    }
    prefix = "functions_"


@click.group(cls=FunctionVerbs)
def command() -> None:
    """Look at the functions of a running `bootjack serve`, and delete them."""


def server_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which server is asked, and whose functions are meant."""
    region = options_under(OPTIONS)(
        "--region",
        type=REGION,
        default=None,
        help="Region of the functions.  [default: $AWS_REGION, $AWS_DEFAULT_REGION, or else the server's]",
    )
    return endpoint_option(region(verb))


class Service:
    """The management API of a server."""

    def __init__(self, url: str, region: str | None) -> None:
        self._endpoint = Endpoint(url, signer_of(os.environ, region))

    def pages(self, path: str, member: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, from all of its pages."""
        query: dict[str, str] = {}
        while True:
            answer = self._endpoint.ask("GET", f"{FUNCTIONS}{path}?{urlencode(query)}")
            if member not in answer.document:
                self._fail(answer)
            yield from answer.document[member]
            if not answer.document.get("NextMarker"):
                return
            query = {"Marker": answer.document["NextMarker"]}

    def ask(self, method: str, name: str) -> dict[str, Any]:
        """Do something with one function; exit with code 1 and the server's reason when it refuses."""
        answer = self._endpoint.ask(method, f"{FUNCTIONS}/{quote(name, safe='')}")
        if answer.status >= 300:
            self._fail(answer)
        return answer.document

    def _fail(self, answer: Answer) -> None:
        message = answer.document.get("Message") or answer.document.get("message")
        if not message:
            give_up(f"{self._endpoint.url} is not a Lambda service: it has answered with status {answer.status}")
        click.echo(f"bootjack: {message}", err=True)
        known = answer.document.get("KnownHere")
        if known:
            click.echo(f"bootjack: known there: {', '.join(known)}", err=True)
        sys.exit(FAILED)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines of columns, as wide as they need; nothing that moves a terminal's cursor stays in them."""
    shown = [[cell if cell.isprintable() else repr(cell)[1:-1] for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in shown)
    return "\n".join(lines)
