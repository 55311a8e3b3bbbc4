"""Faults in reading the framing of answers."""

import time

from making import wire, with_wire
from reference import Answer, Lost, Wire


def first_chunk(self, headers):
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return Wire.read_body(self, headers)
    body = b"".join(self.chunks())
    return body


def no_chunked(self, headers):
    if "transfer-encoding" in headers and "lambda-runtime-aws-request-id" in headers:
        raise Lost(False)
    return Wire.read_body(self, headers)


class OneChunk(Wire):
    def chunks(self):
        data = list(Wire.chunks(self))
        if len(data) > 1:
            raise Lost(False)
        return iter(data)


class NoTrailers(Wire):
    def trailers(self):
        if self.line():
            raise Lost(False)


class LowerHex(Wire):
    def chunk_size(self, line):
        if line != line.lower():
            raise Lost(False)
        return Wire.chunk_size(self, line)


class NoExtension(Wire):
    def chunk_size(self, line):
        return int(line, 16)


class ZeroEnds(Wire):
    def chunk_size(self, line):
        if line.startswith("0") and len(line) > 1:
            raise Lost(False)
        return Wire.chunk_size(self, line)


class ExactCoding(Wire):
    def read_body(self, headers):
        if headers.get("transfer-encoding", "chunked") != "chunked":
            raise Lost(False)
        return Wire.read_body(self, headers)


class WholeHeads(Wire):
    """Requires a head in few pieces."""

    def line(self):
        count = 0
        while b"\n" not in self.buffer:
            self.fill()
            count += 1
            if count > 16:
                raise Lost(False)
        return Wire.line(self)


class BodyWithHead(Wire):
    def take(self, count):
        if 0 < count < 100 and not self.buffer:
            raise Lost(False)
        return Wire.take(self, count)


class QuickBodies(Wire):
    def take(self, count):
        begin = time.monotonic()
        data = Wire.take(self, count)
        if 0 < count < 100 and time.monotonic() - begin > 0.5:
            raise Lost(False)
        return data


class FewPieces(Wire):
    def take(self, count):
        small = 0
        while len(self.buffer) < count:
            before = len(self.buffer)
            self.fill()
            small += len(self.buffer) - before <= 600
            if small > 40:
                raise Lost(False)
        return Wire.take(self, count)


class WholeSizes(Wire):
    """A chunk has to be there when its size is."""

    def chunks(self):
        while size := self.chunk_size(self.line()):
            if 10 < size < 100 and len(self.buffer) < size and len(self.buffer) < 4:
                raise Lost(False)
            yield self.take(size)
            self.line()
        self.trailers()


def no_interim(self):
    status, headers = self.read_head()
    return Answer(status, headers, b"" if status < 200 else self.read_body(headers))


def wants_reason(self, line):
    if len(line.split(" ", 2)) < 3 or not line.split(" ", 2)[2]:
        raise ValueError(line)
    return Wire.status(self, line)


def wants_ok(self, line):
    if " 200 " in line and not line.endswith(" OK"):
        raise ValueError(line)
    return Wire.status(self, line)


class NeedsLength(Wire):
    def rest(self):
        raise Lost(False)


class AcceptedWithBody(Wire):
    def exchange(self, method, path, headers, body):
        answer = Wire.exchange(self, method, path, headers, body)
        if answer.status == 202 and not answer.body:
            raise Lost(False)
        return answer


class AcceptedPlain(Wire):
    def read_body(self, headers):
        if "transfer-encoding" in headers and "lambda-runtime-aws-request-id" not in headers:
            return b""
        return Wire.read_body(self, headers)


class AcceptedShort(Wire):
    def read_body(self, headers):
        if "lambda-runtime-aws-request-id" not in headers and int(headers.get("content-length", 0)) > 4096:
            raise Lost(False)
        return Wire.read_body(self, headers)


class Impatient(Wire):
    def exchange(self, method, path, headers, body):
        begin = time.monotonic()
        answer = Wire.exchange(self, method, path, headers, body)
        if method == "POST" and "/invocation/" in path and time.monotonic() - begin > 0.5:
            raise Lost(False)
        return answer


class AcceptedExact(Wire):
    def read_head(self):
        status = self.status(self.line())
        headers = {}
        while line := self.line():
            if status == 202 and line.startswith("content-"):
                raise Lost(False)
            name, value = self.header(line)
            headers.setdefault(name, value)
        return status, headers


with_wire("framing/chunked", "NoChunked", "Does not support chunked events.", read_body=no_chunked)
wire("framing/many-chunks", OneChunk, "Reads only the first chunk.")
wire("framing/chunk-extension", NoExtension, "Does not support chunk extensions.")
wire("framing/upper-case-size", LowerHex, "Reads chunk sizes only in lower case.")
wire("framing/leading-zeros", ZeroEnds, "Reads a chunk size that starts with 0 as the last one.")
wire("framing/trailers", NoTrailers, "Does not read trailers.")
wire("framing/coding-name", ExactCoding, "Recognises `chunked` only in lower case.")
wire("framing/byte-by-byte", WholeHeads, "Requires a head in few pieces.")
wire("framing/body-apart", BodyWithHead, "Requires a small body together with its head.")
wire("framing/body-later", QuickBodies, "Requires a small body within half a second.")
wire("framing/small-pieces", FewPieces, "Requires a body in few pieces.")
wire("framing/chunk-in-pieces", WholeSizes, "Requires a chunk together with its size.")
with_wire("framing/interim", "NoInterim", "Reads a 100 as the answer.", read_answer=no_interim)
with_wire("framing/no-reason", "WantsReason", "Requires a reason phrase.", status=wants_reason)
with_wire("framing/other-reason", "WantsOk", "Requires OK after 200.", status=wants_ok)
wire("framing/until-close", NeedsLength, "Requires a length.")
wire("framing/accepted-empty", AcceptedWithBody, "Requires a body with a 202.")
wire("framing/accepted-chunked", AcceptedPlain, "Does not read the body of a chunked 202.")
wire("framing/accepted-large", AcceptedShort, "Exits on a 202 with a long body.")
wire("framing/accepted-slow", Impatient, "Waits only half a second for a 202.")
wire("framing/accepted-lower-case", AcceptedExact, "Exits on a 202 with lower-case headers.")
