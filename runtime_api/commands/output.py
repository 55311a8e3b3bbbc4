"""The response of an invocation, as `bootjack invoke` prints it."""

from __future__ import annotations

import os

import click

from .colours import shows_colours
from .stdout import STDOUT, write_in_turn, write_out

__all__ = ["Response"]

WHAT = "the response"


class Response:
    """Prints one response: byte for byte, or for people where stdout is a terminal."""

    def __init__(self) -> None:
        self._on_terminal = os.isatty(STDOUT)
        self.is_streamed = False

    def whole(self, payload: bytes) -> None:
        """Print a response that is complete; JSON is indented on a terminal."""
        if self._on_terminal:
            from .pretty import indented

            payload = (indented(payload, coloured=shows_colours(STDOUT)) or payload) + b"\n"
        write_out(payload, WHAT)

    def piece(self, data: bytes) -> None:
        """Print what has come of a response that is streamed."""
        self.is_streamed = True
        write_out(data, WHAT)

    async def piece_in_turn(self, data: bytes) -> None:
        """As `piece`; while nobody reads it, the event loop goes on."""
        self.is_streamed = True
        await write_in_turn(data, WHAT)

    def end(self, error: bytes | None = None) -> None:
        """End what was streamed. The document of an error that came then is no part of it, and goes to stderr."""
        if self._on_terminal:
            write_out(b"\n", WHAT)
        if error is not None:
            click.echo(error.decode(errors="replace"), err=True)
