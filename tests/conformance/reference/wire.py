"""HTTP/1.1 over one connection: requests, answers in every framing, and reconnection."""

import socket


class Answer:
    """An answer of the Runtime API."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body


class Lost(Exception):
    """The connection has ended; `idle` when no byte of the answer was received."""

    def __init__(self, idle):
        super().__init__("the Runtime API closed the connection")
        self.idle = idle


class Wire:
    """One connection, kept open, and replaced when the server has closed it between two requests."""

    def __init__(self, address):
        self.address = address
        self.socket = None
        self.buffer = bytearray()
        self.received = 0

    def connect(self):
        host, _, port = self.address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def call(self, method, path, headers=(), body=None):
        reused = self.socket is not None
        try:
            return self.exchange(method, path, headers, body)
        except Lost as lost:
            if not (reused and lost.idle):
                raise
            self.close()
            return self.exchange(method, path, headers, body)

    def exchange(self, method, path, headers, body):
        if self.socket is None:
            self.connect()
        self.received = 0
        try:
            self.write(self.head(method, path, headers, body), body)
            answer = self.read_answer()
        except OSError:
            raise Lost(self.received == 0) from None
        if self.should_close(answer):
            self.close()
        return answer

    def write(self, head, body):
        self.socket.sendall(head + (body or b""))

    def should_close(self, answer):
        return answer.headers.get("connection", "").lower() == "close"

    def head(self, method, path, headers, body):
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.address}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def fill(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise Lost(self.received == 0)
        self.received += len(data)
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, _, rest = bytes(self.buffer).partition(b"\n")
        self.buffer = bytearray(rest)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def read_answer(self):
        status, headers = self.read_head()
        while status < 200:
            status, headers = self.read_head()
        return Answer(status, headers, b"" if status == 204 else self.read_body(headers))

    def read_head(self):
        status = self.status(self.line())
        headers = {}
        while line := self.line():
            name, value = self.header(line)
            headers.setdefault(name, value)
        return status, headers

    def status(self, line):
        return int(line.split(" ", 2)[1])

    def header(self, line):
        name, _, value = line.partition(":")
        return name.lower(), value.strip(" \t")

    def read_body(self, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self.chunks())
        if "content-length" in headers:
            return self.take(int(headers["content-length"]))
        return self.rest()

    def rest(self):
        """Everything up to the end of the connection."""
        try:
            while True:
                self.fill()
        except Lost:
            pass
        body = bytes(self.buffer)
        self.close()
        return body

    def chunks(self):
        while size := self.chunk_size(self.line()):
            yield self.take(size)
            self.line()
        self.trailers()

    def chunk_size(self, line):
        return int(line.split(";")[0], 16)

    def trailers(self):
        while self.line():
            pass
