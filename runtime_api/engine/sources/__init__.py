"""What polls an event source for one mapping; each kind of source has a module of its own in here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from runtime_api.engine.aws_clients import AwsClients
    from runtime_api.engine.clock import Clock
    from runtime_api.protocol.limits import Limits
    from runtime_api.service.mapping_record import EventSourceMapping
    from runtime_api.service.seams.dispatch import RunResult
    from runtime_api.service.seams.positions import Positions

__all__ = ["FunctionFacts", "Functions", "Source", "SourceContext"]


class FunctionFacts(NamedTuple):
    """What events and documents tell of a function."""

    version: str  # that an invocation runs on
    role: str  # its ARN


class Functions(Protocol):
    """The functions that mappings invoke, by their ARNs with the qualifier that the mapping names."""

    async def invoke(self, function_arn: str, payload: bytes, trace: str | None = None) -> RunResult:
        """Invoke a function and wait for its result; one that is not there, or refuses this event, is Unavailable."""

    def capacity(self, function_arn: str) -> int:
        """Return how many invocations of a function can run at once now; 0: none, or there is no such function."""

    def about(self, function_arn: str) -> FunctionFacts | None:
        """Return what a function is; None: there is no such function."""


class SourceContext(NamedTuple):
    """What a source is polled with."""

    mapping: EventSourceMapping
    functions: Functions
    clients: AwsClients
    clock: Clock
    random: Random
    limits: Limits
    positions: Positions
    report: Callable[[str], None]  # takes what the mapping has come to, one of service/processing_results
    note: Callable[[str], None]  # takes a line of the log


class Source(Protocol):
    """An event source, as one mapping polls it."""

    async def run(self) -> None:
        """Poll until `stop` has been called and everything in hand has its end; cancelled with the server.

        What goes wrong outside is waited for and reported; an exception is a defect, after which the supervisor
        begins anew with a new source.
        """

    def stop(self) -> None:
        """Take nothing more."""

    def adopt(self, mapping: EventSourceMapping) -> bool:
        """Go on with the changed settings of the mapping; False: this source has to end first, and another begin."""

    async def standing(self) -> Mapping[str, Any]:
        """Return where reading stands, as `bootjack mappings` shows it: its backlog or its position."""
