"""Where an extension takes its telemetry: a listener of ours, over HTTP or TCP, that keeps what comes."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import differs, shown

if TYPE_CHECKING:
    from runtime_api.conformance.exchange import Recorder

__all__ = ["Listener"]


class Listener:
    """Listens on a free port of loopback until it is closed."""

    def __init__(self, protocol: str, recorder: Recorder) -> None:
        self._recorder = recorder
        self._events: list[Any] = []
        self._came = threading.Condition()
        handler = _http_handler(self.take) if protocol == "HTTP" else _tcp_handler(self.take)
        server = ThreadingHTTPServer if protocol == "HTTP" else ThreadingTCPServer
        self._server = server(("127.0.0.1", 0), handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def take(self, text: bytes, *, of_lines: bool) -> None:
        """One batch, or one line, as it came; what is no JSON is kept as text, and matches nothing."""
        self._recorder.note("api", "extension", "telemetry", "", text)
        try:
            found = json.loads(text)
        except ValueError:
            found = [text.decode("utf-8", "replace")]
        with self._came:
            self._events += [found] if of_lines else found if isinstance(found, list) else [str(found)]
            self._came.notify_all()

    def wrong(self, pattern: Any, patience: float) -> str | None:
        """None as soon as an event came that matches; else, at the end of the patience, what came."""
        deadline = time.monotonic() + patience
        with self._came:
            while all(differs(pattern, event) for event in self._events):
                if not self._came.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    return f"no such event among {shown(self._events)}"
        return None

    def close(self) -> None:
        """Listen no more."""
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
            """Not on the terminal."""

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
