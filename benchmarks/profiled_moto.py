"""moto's server that counts its requests and their CPU time by operation: PORT.

`GET /profile` answers with what has come since the last one: [count, CPU seconds] by operation.
"""

import json
import logging
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["PROFILE"]

PROFILE = "/profile"
Environ = dict[str, Any]


class Profiled:
    """A WSGI application around another one."""

    def __init__(self, inner: Callable[[Environ, Any], Iterable[bytes]]) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))

    def __call__(self, environ: Environ, start: Any) -> list[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"] == PROFILE:
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._taken()).encode()]
        before = time.thread_time()
        answer = list(self._inner(environ, start))
        self._add(environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2], time.thread_time() - before)
        return answer

    def _taken(self) -> dict[str, tuple[int, float]]:
        with self._lock:
            seen = dict(self._seen)
            self._seen.clear()
        return seen

    def _add(self, operation: str, seconds: float) -> None:
        with self._lock:
            count, total = self._seen[operation]
            self._seen[operation] = (count + 1, total + seconds)


def serve(port: int) -> None:
    """Listen on loopback until the process is ended."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    logging.getLogger("werkzeug").disabled = True
    app = Profiled(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", port, app, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
