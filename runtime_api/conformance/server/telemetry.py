"""The listener, over HTTP or TCP, to which the server delivers an extension's telemetry.

Deliveries are parsed with `json`, not orjson: they are judged, and a case decides whether NaN, a large integer or a
lone surrogate is wrong.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import differs, shown

if TYPE_CHECKING:
    import socket

    from runtime_api.conformance.exchange import Recorder

__all__ = ["TelemetryListener"]


class TelemetryListener:
    """Accepts on a listening socket until it is closed, and keeps the events."""

    def __init__(self, protocol: str, recorder: Recorder, listening: socket.socket) -> None:
        self._recorder = recorder
        self._events: list[Any] = []
        self._arrived = threading.Condition()
        handler = _http_handler(self.take) if protocol == "HTTP" else _tcp_handler(self.take)
        server = ThreadingHTTPServer if protocol == "HTTP" else ThreadingTCPServer
        address = listening.getsockname()
        self._server = server(address, handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening
        self.port = int(address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def take(self, text: bytes, *, of_lines: bool) -> None:
        """Keep one batch, or one line; text that is not JSON is kept as it is, and matches no pattern."""
        self._recorder.note("api", "extension", "telemetry", "", text)
        try:
            found = json.loads(text)
        except ValueError:
            found = [text.decode("utf-8", "replace")]
        with self._arrived:
            self._events += [found] if of_lines else found if isinstance(found, list) else [str(found)]
            self._arrived.notify_all()

    def missing(self, pattern: Any, timeout_s: float) -> str | None:
        """Wait for an event that matches: None when there is one, else the events that came instead."""
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while all(differs(pattern, event) for event in self._events):
                if not self._arrived.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    return f"no event matches; received {shown(self._events)}"
        return None

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _http_handler(take: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def _take(self) -> None:
            take(self.rfile.read(int(self.headers.get("Content-Length") or 0)), of_lines=False)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = _take

        def log_message(self, *_: Any) -> None:
            """Keep the terminal clean."""

    return Handler


def _tcp_handler(take: Any) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        timeout = 30

        def handle(self) -> None:
            try:
                for line in self.rfile:
                    take(line, of_lines=True)
            except (TimeoutError, ConnectionError):
                return

    return Handler
