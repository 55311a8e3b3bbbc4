"""Which module polls which kind of source."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.mapping_sources import SourceKind

from .dynamodb_streams import dynamodb_source
from .kinesis import kinesis_source
from .sqs import QueueSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from . import Source, SourceContext

__all__ = ["POLLED", "Polled", "not_polled"]


class Polled(NamedTuple):
    """How a kind of source is polled."""

    service: str  # whose endpoint it is at
    source: Callable[[SourceContext], Source]


POLLED: Mapping[SourceKind, Polled] = {
    SourceKind.SQS: Polled("sqs", QueueSource),
    SourceKind.SQS_FIFO: Polled("sqs", QueueSource),
    SourceKind.KINESIS: Polled("kinesis", kinesis_source),
    SourceKind.DYNAMODB: Polled("dynamodbstreams", dynamodb_source),
}


def not_polled(kind: SourceKind) -> str:
    """Return why nothing comes from a kind of source that is only stored."""
    return f"{kind.value} is not polled here: the mapping is kept, and nothing else"
