"""`bootjack` that kills itself at a named point of its pollers, the N-th time it comes there: POINT N COMMAND..."""

import sys
from typing import Any

from benchmarks.event_crashes_server import Countdown
from runtime_api import cli
from runtime_api.engine.sources.queue import Queue
from runtime_api.engine.sources.shard_reader import ShardReader
from runtime_api.engine.sources.sqs import QueueSource
from runtime_api.store.sqlite.positions import SqlitePositions

POINTS = (
    "between receipt and invocation",
    "between invocation and deletion",
    "between reading and invocation",
    "between invocation and checkpoint",
    "between checkpoint and commit",
)
METHODS: tuple[tuple[type, str], ...] = (
    (QueueSource, "_handle"),
    (Queue, "delete"),
    (ShardReader, "_attempt"),
    (SqlitePositions, "save"),
    (SqlitePositions, "save"),
)


def arm(point: str, count: int) -> None:
    """Make this process die at a point, the N-th time it comes there; "": it lives on."""
    if not point:
        return
    owner, name = METHODS[POINTS.index(point)]
    method, die = getattr(owner, name), Countdown(count)
    is_behind = point == POINTS[-1]  # the position is on its way to the disk

    async def dying(self: Any, work: Any, *more: Any) -> Any:
        if work == [] or is_behind:  # a queue has nothing to delete
            result = await method(self, work, *more)
            if is_behind:
                die()
            return result
        die()
        return await method(self, work, *more)

    setattr(owner, name, dying)


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["bootjack", *sys.argv[3:]]
    cli.main()
