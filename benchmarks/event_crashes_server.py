"""`bootjack` that kills itself at a named point, the N-th time it comes there: POINT N COMMAND..."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from runtime_api import cli
from runtime_api.engine.event_delivery import EventDelivery
from runtime_api.engine.queue_worker import QueueWorker
from runtime_api.store.sqlite import database

POINTS = (
    "between insert and commit",
    "between commit and 202",
    "between 202 and dispatch",
    "between run and delete",
    "between delivery and delete",
)


class Countdown:
    """Kills this process when it is called for the N-th time."""

    def __init__(self, count: int) -> None:
        self._left = count

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class _Connection:
    """A connection that dies before or after it commits a change to events."""

    def __init__(self, connection: Any, before: Callable[[], None], after: Callable[[], None]) -> None:
        self._connection = connection
        self._before, self._after = before, after
        self._has_events = False

    def execute(self, statement: str, *parameters: Any) -> Any:
        self._has_events |= statement.startswith("INSERT INTO events")
        if statement != "COMMIT" or not self._has_events:
            return self._connection.execute(statement, *parameters)
        self._has_events = False
        self._before()
        done = self._connection.execute(statement)
        self._after()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def nothing() -> None:
    """Live on."""


def arm(point: str, count: int) -> None:
    """Make this process die at a point, the N-th time it comes there."""
    die = Countdown(count)
    opened, run = database.open_database, QueueWorker._run
    conclude, deliver = QueueWorker._conclude, EventDelivery.deliver

    def dying_database(*arguments: Any) -> Any:
        before, after = (die, nothing) if point == POINTS[0] else (nothing, die)
        return _Connection(opened(*arguments), before, after)

    def dying_run(self: Any, *arguments: Any) -> None:
        die()
        run(self, *arguments)

    def dying_conclude(self: Any, *arguments: Any) -> None:
        die()
        conclude(self, *arguments)

    async def dying_deliver(self: Any, *arguments: Any) -> Any:
        result = await deliver(self, *arguments)
        die()
        return result

    patched: dict[str, tuple[Any, str, Any]] = {
        POINTS[0]: (database, "open_database", dying_database),
        POINTS[1]: (database, "open_database", dying_database),
        POINTS[2]: (QueueWorker, "_run", dying_run),
        POINTS[3]: (QueueWorker, "_conclude", dying_conclude),
        POINTS[4]: (EventDelivery, "deliver", dying_deliver),
    }
    if point:  # without one it is killed from outside
        setattr(*patched[point])


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["bootjack", *sys.argv[3:]]
    cli.main()
