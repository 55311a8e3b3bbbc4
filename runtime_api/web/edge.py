"""Makes the Runtime API of each environment: who answers its calls, and the port where they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .access import access_routes
from .http1.server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.engine.edges import CallResponder, Log, RuntimeApiListener
    from runtime_api.engine.environment import ExecutionEnvironment
    from runtime_api.protocol.limits import Limits
    from runtime_api.service.access import Access
    from runtime_api.service.seams.catalog import ResolvedVersion

    from .http1.doorway import Door
    from .http1.outbox import Outbox
    from .http1.roster import Bounds
    from .tracing import Traces

__all__ = ["RuntimeApiEdge"]


class RuntimeApiEdge:
    """Implements `RuntimeEdge`. `note` gets lines for the log, and with `trace` each call is drawn in it."""

    def __init__(
        self,
        limits: Limits,
        outbox: Outbox,
        bounds: Bounds,
        allowed_hosts: frozenset[str],
        note: Callable[[str], None],
        log_of: Callable[[str], Log],
        *,
        trace: bool,
    ) -> None:
        self._limits = limits
        self._outbox = outbox
        self._bounds = bounds
        self._allowed_hosts = allowed_hosts
        self._note = note
        self._log_of = log_of
        self._traces = _traces() if trace else None

    def __call__(
        self, environment: ExecutionEnvironment, version: ResolvedVersion, host: str, admission: Door, access: Access
    ) -> tuple[CallResponder, RuntimeApiListener]:
        from .runtime import RuntimeApi  # a server starts sooner without this

        settings, name = version.settings, version.spec.name
        api = RuntimeApi(
            environment.post,
            version.spec,
            self._limits,
            {*self._allowed_hosts, host},
            access_routes(access),
            snap_start=settings.snap_start,
            concurrent=settings.max_concurrency > 0,
        )
        traces = self._traces
        handler = api if traces is None else traces.of(api, name, environment, self._log_of(name).write)
        return api, HttpServer(handler, self._outbox, self._bounds, self._note, admission)


def _traces() -> Traces:
    # Whoever traces nothing starts sooner without this.
    from .tracing import Traces

    return Traces()
