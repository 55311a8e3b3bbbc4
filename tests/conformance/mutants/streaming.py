"""Faults in response streaming."""

from making import breaks
from reference import API, STREAMING, Bootstrap


def streams(case, name, doc, **methods):
    breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, **methods}))


def headers_but(name, value=None):
    def stream_headers(self):
        kept = [(key, old) for key, old in STREAMING if key != name]
        return (*kept, (name, value)) if value else tuple(kept)

    return stream_headers


def collected(self, event, chunks):
    body = list(chunks)
    Bootstrap.post_stream(self, event, iter([b"".join(body)] if len(b"".join(body)) < 500000 else body))


def unchunked(self, event, chunks):
    body = b"".join(chunks)
    headers = [(name, value) for name, value in STREAMING if name not in ("Transfer-Encoding", "Trailer")]
    headers += [("Trailer", STREAMING[3][1]), *self.delivery(event)]
    self.posted(self.wire.call("POST", self.path(event, "response"), headers, body))


def reordered(self, event, chunks):
    def changed():
        first = next(chunks, None)
        if first == b"one ":
            second = next(chunks)
            yield second
        if first is not None:
            yield first
        yield from chunks

    Bootstrap.post_stream(self, event, changed())


def empty_ends(self, chunk):
    if getattr(self, "ended", False):
        return
    self.ended = not chunk
    if chunk:
        Bootstrap.write_chunk(self, chunk)


def dies_empty(self, event, chunks):
    first = next(chunks, None)
    if first is None:
        return self.fail(event, ValueError("nothing to stream"))

    def whole():
        yield first
        yield from chunks

    return Bootstrap.post_stream(self, event, whole())


def ascii_chunk(self, chunk):
    Bootstrap.write_chunk(self, bytes(byte if byte < 128 else 63 for byte in chunk))


def one_megabyte(self, chunk):
    self.sent = getattr(self, "sent", 0) + len(chunk)
    if self.sent <= 2**20:
        Bootstrap.write_chunk(self, chunk)


def no_type_trailer(self, error):
    return Bootstrap.error_trailers(self, error).split("\r\n", 1)[1]


def raw_body_trailer(self, error):
    kind = self.error_type(error)
    return f"Lambda-Runtime-Function-Error-Type: {kind}\r\nLambda-Runtime-Function-Error-Body: {{late}}\r\n"


def drops_beginning(self, event, chunks):
    body, failed = [], None
    try:
        body.extend(chunks)
    except Exception as error:
        failed = error

    def changed():
        yield from body if failed is None or len(body) < 2 else body[1:]
        if failed:
            raise failed

    Bootstrap.post_stream(self, event, changed())


def ends_after_late(self, error):
    trailers = Bootstrap.error_trailers(self, error)
    self.posted = lambda _answer: self.give_up("late")
    return trailers


def always_trailers(self, trailers):
    Bootstrap.end_stream(self, trailers or "Lambda-Runtime-Function-Error-Type: None\r\n")


class StaysStreaming(Bootstrap):
    """Sends the response mode streaming for ever after the first stream."""

    streamed = False

    def post_stream(self, event, chunks):
        super().post_stream(event, chunks)
        self.streamed = True

    def respond(self, event, body, content_type):
        if not self.streamed:
            return super().respond(event, body, content_type)
        headers = (("Content-Type", content_type), ("Lambda-Runtime-Function-Response-Mode", "streaming"))
        return self.posted(self.wire.call("POST", self.path(event, "response"), headers, body))


def again_streamed(self, answer):
    if answer.status == 413:
        self.wire.call("POST", f"{API}/invocation/again/response", (), b"")
    Bootstrap.posted(self, answer)


class AgainStreamed(Bootstrap):
    """Posts something else when a stream is refused."""

    def post_stream(self, event, chunks):
        self.posted = lambda answer: again_streamed(self, answer)
        super().post_stream(event, chunks)


streams(
    "streaming/mode",
    "UpperMode",
    "Sends the response mode Streaming.",
    stream_headers=headers_but("Lambda-Runtime-Function-Response-Mode", "Streaming"),
)
streams("streaming/chunked", "Unchunked", "Sends a stream in one piece.", post_stream=unchunked)
streams("streaming/body", "Reorders", "Changes the order of chunks.", post_stream=reordered)
streams("streaming/as-they-come", "Collects", "Collects chunks before it sends them.", post_stream=collected)
streams(
    "streaming/trailer-announced",
    "NoTrailer",
    "Does not announce the trailers.",
    stream_headers=headers_but("Trailer"),
)
streams("streaming/empty-chunk", "EmptyEnds", "Ends a stream at an empty chunk.", write_chunk=empty_ends)
streams("streaming/empty", "NoEmptyStream", "Posts an error for an empty stream.", post_stream=dies_empty)
streams("streaming/non-ascii", "AsciiStream", "Writes ? for non-ASCII characters.", write_chunk=ascii_chunk)
streams("streaming/large", "MegabyteStream", "Streams at most 1 MB.", write_chunk=one_megabyte)
streams(
    "streaming/error-type", "NoTypeTrailer", "Omits the error type in the trailers.", error_trailers=no_type_trailer
)
streams(
    "streaming/error-body",
    "RawTrailer",
    "Sends the error document in the trailers without base64.",
    error_trailers=raw_body_trailer,
)
streams(
    "streaming/error-keeps-beginning",
    "DropsBeginning",
    "Drops the beginning of a failed stream.",
    post_stream=drops_beginning,
)
streams("streaming/error-goes-on", "EndsAfterLate", "Exits after a failed stream.", error_trailers=ends_after_late)
streams("streaming/no-error-trailer", "AlwaysTrailers", "Always sends error trailers.", end_stream=always_trailers)
breaks("streaming/then-buffered")(StaysStreaming)
breaks("streaming/refused")(AgainStreamed)
