"""Faults in the bootstrap's requests."""

import re

from making import breaks, wire, with_wire
from reference import Bootstrap, Wire


def changed_head(change):
    def head(self, method, path, headers, body):
        return change(self, method, Wire.head(self, method, path, headers, body))

    return head


class GetsWithBody(Wire):
    def call(self, method, path, headers=(), body=None):
        return Wire.call(self, method, path, headers, b"{}" if method == "GET" and path.endswith("/next") else body)


class BothLengths(Wire):
    def head(self, method, path, headers, body):
        head = Wire.head(self, method, path, headers, body)
        return (
            head.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
            if path.endswith("/response")
            else head
        )

    def write(self, head, body):
        if b"Transfer-Encoding: chunked" in head and body is not None:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        Wire.write(self, head, body)


with_wire(
    "requests/host",
    "NoHost",
    "Sends no Host header.",
    head=changed_head(lambda _s, _m, head: re.sub(rb"Host: [^\r]*\r\n", b"", head)),
)
with_wire(
    "requests/host-names-the-api",
    "HostLocalhost",
    "Sends localhost as the Host.",
    head=changed_head(lambda _s, _m, head: re.sub(rb"Host: [^\r]*", b"Host: localhost", head)),
)
wire("requests/no-body-on-get", GetsWithBody, "Sends a body with a poll.")
wire("requests/not-both", BothLengths, "Sends both Content-Length and Transfer-Encoding.")
with_wire(
    "requests/no-browser",
    "LikeABrowser",
    "Sends an Origin header.",
    head=changed_head(lambda _s, _m, head: head.replace(b"\r\nHost", b"\r\nOrigin: http://localhost\r\nHost", 1)),
)


@breaks("requests/no-mode")
class SaysBuffered(Bootstrap):
    """Sends the response mode buffered."""

    def respond(self, event, body, content_type):
        event.headers["x"] = ""
        headers = (("Content-Type", content_type), ("Lambda-Runtime-Function-Response-Mode", "buffered"))
        self.posted(self.wire.call("POST", self.path(event, "response"), (*headers, *self.delivery(event)), body))
