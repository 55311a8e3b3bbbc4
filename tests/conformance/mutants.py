"""Deliberately wrong bootstraps: each is the reference with one requirement broken, and names the case that says so.

`python -I -S mutants.py NAME` runs one.
"""

import json
import os
import re
import signal
import socket
import sys
import threading
import time
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference import API, STREAMING, Answer, Bootstrap, Event, Lost, Wire

MUTANTS = {}


def breaks(case):
    """Note that this mutant breaks the requirement of a case (its id without the side)."""

    def note(cls):
        cls.case = f"runtime/{case}"
        MUTANTS[name_of(cls)] = cls
        return cls

    return note


def name_of(cls):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()


def with_wire(case, name, doc, **methods):
    """A mutant whose fault is in its transport."""
    wire = type(f"{name}Wire", (Wire,), methods)
    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "wire_class": wire}))


def on_result(case, name, doc, change):
    """A mutant that returns something else for some return values: change(result) -> result."""

    def encode(self, result):
        return Bootstrap.encode(self, change(result))

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "encode": encode}))


def on_text(case, name, doc, change):
    """A mutant that posts another text for some: change(text) -> text."""

    def encode(self, result):
        body, content_type = Bootstrap.encode(self, result)
        return change(body.decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass"), content_type

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "encode": encode}))


def on_event(case, name, doc, test, action=None):
    """A mutant that ends, or does something else, when an event is of some kind."""

    def invoke(self, event):
        if test(event):
            return (action or (lambda me, _event: me.give_up("cannot")))(self, event)
        return Bootstrap.invoke(self, event)

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "invoke": invoke}))


def on_status(case, name, doc, status, action):
    """A mutant that does something else when its post is answered with a status."""

    def post(self, event, what, headers, body):
        answer = self.wire.call("POST", self.path(event, what), headers, body)
        if answer.status == status:
            return action(self, event, what, headers, body)
        return self.posted(answer)

    def respond(self, event, body, content_type):
        post(self, event, "response", (("Content-Type", content_type),), body)

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "respond": respond}))


def on_error_status(case, name, doc, status, action):
    """The same for errors."""

    def fail(self, event, error):
        kind = self.error_type(error)
        body = self.error_body(error, kind)
        answer = self.wire.call("POST", self.path(event, "error"), self.error_headers(kind), body)
        if answer.status == status:
            return action(self, event, "error", self.error_headers(kind), body)
        return self.posted(answer)

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "fail": fail}))


def on_context(case, name, doc, change):
    """A mutant whose context is changed: change(bootstrap, event, context)."""

    def context(self, event):
        made = Bootstrap.context(self, event)
        change(self, event, made)
        return made

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "context": context}))


def on_error(case, name, doc, change):
    """A mutant whose error document is changed: change(document)."""

    def error_document(self, error, kind):
        document = Bootstrap.error_document(self, error, kind)
        change(document)
        return document

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "error_document": error_document}))


def on_init_error(case, name, doc, change):
    """The same for an init error only."""

    def post_init_error(self, error):
        kind = self.init_error_type(error)
        document = self.error_document(error, kind)
        change(document)
        self.wire.call("POST", self.init_error_path(), self.error_headers(kind), json.dumps(document).encode())

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "post_init_error": post_init_error}))


def hang(*_args):
    """Wait for ever, without a sound."""
    while True:
        signal.pause() if threading.current_thread() is threading.main_thread() else time.sleep(3600)


def end(self, *_args):
    self.give_up("refused")


def again(self, event, what, headers, body):
    self.wire.call("POST", self.path(event, what), headers, body)


# Basics


@breaks("basics/asks-for-an-event")
class NeverAsks(Bootstrap):
    """Ends without asking for an event."""

    def main(self):
        os._exit(0)


@breaks("basics/posts-a-result")
class NeverPosts(Bootstrap):
    """Takes an event and hangs."""

    def invoke(self, event):
        hang()


@breaks("basics/asks-again")
class ExitsAfterFirst(Bootstrap):
    """Serves one event only."""

    def invoke(self, event):
        super().invoke(event)
        os._exit(0)


@breaks("basics/returns-its-event")
class AnswersOk(Bootstrap):
    """Posts "ok" whatever the handler returns."""

    def encode(self, result):
        return b'"ok"', "application/json"


@breaks("basics/knows-the-commands")
class EventAsText(Bootstrap):
    """Gives commands to the handler as text."""

    def decode(self, event):
        decoded = super().decode(event)
        return json.dumps(decoded) if isinstance(decoded, dict) and "do" in decoded else decoded


# Order


@breaks("order/result-before-next")
class PollsTooSoon(Bootstrap):
    """Posts its results on another thread, and polls meanwhile when a result takes long."""

    def respond(self, event, body, content_type):
        headers = (("Content-Type", content_type), *self.delivery(event))
        arguments = ("POST", self.path(event, "response"), headers, body)
        thread = threading.Thread(target=self.wire.call, args=arguments, daemon=True)
        thread.start()
        thread.join(0.1)
        if thread.is_alive():
            self.wire = self.new_wire()


@breaks("order/one-poll")
class PollsTwice(Bootstrap):
    """Opens a second poll when the first one waits."""

    def loop(self):
        self.second = self.new_wire()
        timer = threading.Timer(0.2, self.second.exchange, ("GET", f"{API}/invocation/next", (), None))
        timer.daemon = True
        timer.start()
        event = self.next_event()
        timer.cancel()
        self.invoke(event)
        super().loop()


@breaks("order/one-result")
class PostsTwice(Bootstrap):
    """Posts an error behind its response, when the next event does not come at once."""

    def respond(self, event, body, content_type):
        super().respond(event, body, content_type)
        self.late = threading.Timer(0.1, self.post_late, (event,))
        self.late.daemon = True
        self.late.start()

    def next_event(self):
        event = super().next_event()
        if hasattr(self, "late"):
            self.late.cancel()
        return event

    def post_late(self, event):
        self.new_wire().call("POST", self.path(event, "error"), (), b"{}")


@breaks("order/many-in-a-row")
class ExitsAfterThirty(Bootstrap):
    """Serves thirty events."""

    served = 0

    def invoke(self, event):
        super().invoke(event)
        self.served += 1
        if self.served == 30:
            os._exit(0)


@breaks("order/same-event-twice")
class SkipsRepeats(Bootstrap):
    """Takes an event with the body of the one before for a repetition."""

    before = None

    def invoke(self, event):
        if event.body == self.before and b"same" in event.body:
            return
        self.before = event.body
        super().invoke(event)


@breaks("order/idle-between")
class ForgetsWhenIdle(Bootstrap):
    """Ends when it has been idle between two events."""

    finished = None

    def invoke(self, event):
        if self.finished and 0.45 < time.monotonic() - self.finished < 5:
            os._exit(0)
        super().invoke(event)
        self.finished = time.monotonic()


# Ids


@breaks("ids/own-id-each-time")
class ThirdIdStale(Bootstrap):
    """Posts the third result under the second id."""

    ids = ()

    def request_id(self, event):
        own = super().request_id(event)
        if own not in self.ids:
            self.ids += (own,)
        return self.ids[1] if len(self.ids) == 3 else own


@breaks("ids/letter-case")
class LowersIds(Bootstrap):
    """Ids in lower case."""

    def request_id(self, event):
        return super().request_id(event).lower()


@breaks("ids/no-uuid")
class WantsUuids(Bootstrap):
    """Takes only hexadecimal digits and hyphens for an id."""

    def request_id(self, event):
        return re.sub(r"[^0-9a-zA-Z-]", "", super().request_id(event))


@breaks("ids/long")
class CutsIds(Bootstrap):
    """Ids have 64 characters at most."""

    def request_id(self, event):
        return super().request_id(event)[:64]


@breaks("ids/digits-only")
class NumbersIds(Bootstrap):
    """An id of digits is a number."""

    def request_id(self, event):
        own = super().request_id(event)
        return str(int(own)) if own.isdigit() and len(own) < 20 else own


@breaks("ids/invocation-id-returned")
class KeepsInvocationId(Bootstrap):
    """Does not send the invocation id back."""

    def delivery(self, event):
        return ()


@breaks("ids/invocation-id-not-kept")
class StaleInvocationId(Bootstrap):
    """Sends the last invocation id that it saw."""

    last = ()

    def delivery(self, event):
        self.last = super().delivery(event) or self.last
        return self.last


@breaks("ids/invocation-id-apart")
class InvocationIdInPath(Bootstrap):
    """Takes the invocation id for the request id when they differ in their beginning."""

    def request_id(self, event):
        given = event.get("Lambda-Runtime-Invocation-Id") or ""
        return given if given.startswith("ffff") else super().request_id(event)


@breaks("errors/invocation-id")
class ErrorWithoutInvocationId(Bootstrap):
    """Sends the invocation id with responses only."""

    def fail(self, event, error):
        event.headers.pop("lambda-runtime-invocation-id", None)
        super().fail(event, error)


# Headers


def header_names(*forms):
    """Knows only these spellings of the id's header."""
    right = "Lambda-Runtime-Aws-Request-Id"
    known = {"exact": right, "lower": right.lower(), "upper": right.upper()}
    accepted = {known[form] for form in forms}

    def header(self, line):
        name, value = Wire.header(self, line)
        if name == right.lower() and line.partition(":")[0] not in accepted:
            return "x-unknown", value
        return name, value

    return header


def other_header(change):
    def header(self, line):
        return change(*Wire.header(self, line), line)

    return header


def refuse(test):
    """Dies of some header lines."""

    def header(self, line):
        name, value = Wire.header(self, line)
        if test(name, value, line):
            raise ValueError(line)
        return name, value

    return header


def read_head(change):
    """Does something with the whole head: change(list of lines)."""

    def read_head(self):
        status, lines = self.status(self.line()), []
        while line := self.line():
            lines.append(line)
        headers = {}
        for name, value in map(self.header, change(lines)):
            headers.setdefault(name, value)
        return status, headers

    return read_head


def too_many(lines):
    if len(lines) > 64:
        raise ValueError("too many headers")
    return lines


def no_repeats(lines):
    names = [line.partition(":")[0] for line in lines]
    if names.count("X-Twice") > 1:
        raise ValueError("twice")
    return lines


def id_first(lines):
    if any("Aws-Request-Id" in line for line in lines) and "Aws-Request-Id" not in lines[0]:
        return [line for line in lines if "Aws-Request-Id" not in line]
    return lines


with_wire("headers/lower-case", "NotLower", "Knows exact and upper case.", header=header_names("exact", "upper"))
with_wire("headers/upper-case", "NotUpper", "Knows exact and lower case.", header=header_names("exact", "lower"))
with_wire("headers/mixed-case", "ExactNames", "Knows the documented spelling only.", header=header_names("exact"))


def after_space(self, line):
    name, _, value = line.partition(": ")
    return name.lower(), value.strip(" \t")


def one_space(self, line):
    name, _, value = line.partition(":")
    return name.lower(), value[1:].rstrip() if value[:1] in (" ", "\t") else value.rstrip()


def spaces_only(self, line):
    name, _, value = line.partition(":")
    return name.lower(), value.strip(" ")


def not_behind(self, line):
    name, _, value = line.partition(":")
    value = value.lstrip(" \t")
    return name.lower(), value if "Id" in name else value.strip()


with_wire("headers/no-space", "WantsASpace", "Splits at colon and space.", header=after_space)
with_wire("headers/many-spaces", "OneSpace", "Takes one space away.", header=one_space)
with_wire("headers/tab", "SpacesOnly", "Takes spaces away, not tabs.", header=spaces_only)
with_wire("headers/space-behind", "KeepsSpaceBehind", "Keeps white space behind ids.", header=not_behind)
with_wire("headers/any-order", "IdFirst", "Knows the id in the first line only.", read_head=read_head(id_first))
with_wire("headers/unknown", "KnownOnly", "Refuses new headers.", header=refuse(lambda name, *_: "new" in name))
with_wire("headers/many", "FewHeaders", "Reads 64 headers.", read_head=read_head(too_many))
with_wire("headers/long-value", "ShortLines", "Lines of 8 KB.", header=refuse(lambda _n, _v, line: len(line) > 8192))
with_wire("headers/empty-value", "NoEmptyValue", "Dies of an empty value.", header=refuse(lambda _n, value, _l: not value))
with_wire(
    "headers/non-ascii", "AsciiHeads", "Dies of a head beyond ASCII.", header=refuse(lambda _n, _v, line: not line.isascii())
)
with_wire("headers/repeated", "NoRepeats", "Dies of a header that comes twice.", read_head=read_head(no_repeats))


class SimilarNames(Wire):
    def read_head(self):
        status, headers = Wire.read_head(self)
        for name in headers:
            if name.endswith("lambda-runtime-aws-request-id"):
                headers["lambda-runtime-aws-request-id"] = headers[name]
        return status, headers


class SearchesText(Wire):
    def read_head(self):
        status, headers = Wire.read_head(self)
        found = re.search("Aws-Request-Id: (.*)", headers.get("x-note", ""))
        if found:
            headers["lambda-runtime-aws-request-id"] = found[1]
        return status, headers


with_wire("headers/similar-name", "TakesSimilarNames", "Compares ends of names.", read_head=SimilarNames.read_head)
with_wire("headers/id-in-a-value", "SearchesHeads", "Looks for the id anywhere.", read_head=SearchesText.read_head)
with_wire(
    "headers/content-length-name",
    "ExactLength",
    "Knows Content-Length in its usual spelling only, on events.",
    header=other_header(
        lambda name, value, line: ("x", value) if line.startswith("content-length") and value != "16" else (name, value)
    ),
)


# What may be missing


def lacks(*names):
    return lambda event: event.get("Lambda-Runtime-Aws-Request-Id") and all(event.get(name) is None for name in names)


on_event("missing/content-type", "NeedsContentType", "Dies without Content-Type.", lacks("Content-Type"))
on_event("missing/deadline", "NeedsDeadline", "Dies without a deadline.", lacks("Lambda-Runtime-Deadline-Ms"))
on_event("missing/arn", "NeedsArn", "Dies without an ARN.", lacks("Lambda-Runtime-Invoked-Function-Arn"))
on_event("missing/trace-id", "NeedsTrace", "Dies without a trace id.", lacks("Lambda-Runtime-Trace-Id"))
on_event(
    "missing/all-optional",
    "NeedsSomething",
    "Dies when ARN and trace id are missing.",
    lacks("Lambda-Runtime-Invoked-Function-Arn", "Lambda-Runtime-Trace-Id"),
)


@breaks("missing/request-id")
class PostsWithoutId(Bootstrap):
    """Posts to a path without an id."""

    def next_event(self):
        answer = self.poll()
        if answer.status != 200:
            return self.refused(answer)
        answer.headers.setdefault("lambda-runtime-aws-request-id", "")
        return Event(answer)


on_event(
    "missing/charset", "NoParameters", "Dies of a media type with parameters.", lambda event: ";" in (event.get("Content-Type") or "")
)
on_event(
    "missing/other-type", "JsonOnly", "Dies of text.", lambda event: (event.get("Content-Type") or "").startswith("text/")
)


def deadline(event):
    return int(event.get("Lambda-Runtime-Deadline-Ms") or 0)


on_event(
    "missing/past-deadline",
    "DropsLateEvents",
    "Drops an event whose deadline has passed for a minute.",
    lambda event: deadline(event) and -90 < deadline(event) / 1000 - time.time() < -30,
    lambda _self, _event: None,
)
on_event("missing/far-deadline", "ShortDeadlines", "Dies of a long deadline.", lambda event: deadline(event) > 10**14)
on_event(
    "missing/odd-trace",
    "WantsRoot",
    "Dies of a trace id without Root.",
    lambda event: "Root=" not in (event.get("Lambda-Runtime-Trace-Id") or "Root="),
)
on_event(
    "missing/lineage",
    "ThreeParts",
    "Dies of a trace id of four parts.",
    lambda event: (event.get("Lambda-Runtime-Trace-Id") or "").count(";") > 2,
)
on_event(
    "missing/odd-arn",
    "SplitsArns",
    "Dies of an ARN without colons.",
    lambda event: ":" not in (event.get("Lambda-Runtime-Invoked-Function-Arn") or ":"),
)

# Bodies

on_event("bodies/empty", "NoEmptyEvents", "Dies of an empty event.", lambda event: not event.body)
on_event("bodies/not-json", "DiesOfBadJson", "Dies of what is no JSON.", lambda event: event.body == b"{no json")
on_event("bodies/binary", "DiesOfBinary", "Dies of what is no UTF-8.", lambda event: event.body[:2] == b"\xfe\xff")
on_event("bodies/byte-order-mark", "DiesOfBom", "Dies of a BOM.", lambda event: event.body[:3] == b"\xef\xbb\xbf")
on_event("bodies/deep", "OverflowsStack", "Dies of deep nesting.", lambda event: event.body[:10000] == b"[" * 10000)
on_event(
    "bodies/octet-stream",
    "NoOctetStream",
    "Dies of application/octet-stream.",
    lambda event: event.get("Content-Type") == "application/octet-stream",
)


@breaks("bodies/then-good")
class SpoiltByBadJson(Bootstrap):
    """Hangs at the event behind one that is no JSON."""

    spoilt = False

    def invoke(self, event):
        if self.spoilt and event.body == b"{}":
            hang()
        self.spoilt = event.body[:1] == b"]"
        super().invoke(event)


# Framing


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
    """A head has to come in few pieces."""

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


def wire(case, base, doc):
    breaks(case)(type(base.__name__, (Bootstrap,), {"__doc__": doc, "wire_class": base}))


with_wire("framing/chunked", "NoChunked", "Does not know chunked events.", read_body=no_chunked)
wire("framing/many-chunks", OneChunk, "Reads one chunk.")
wire("framing/chunk-extension", NoExtension, "Does not know extensions of chunks.")
wire("framing/upper-case-size", LowerHex, "Reads sizes in lower case only.")
wire("framing/leading-zeros", ZeroEnds, "Takes a size that begins with 0 for the last one.")
wire("framing/trailers", NoTrailers, "Does not read trailers.")
wire("framing/coding-name", ExactCoding, "Knows `chunked` in lower case only.")
wire("framing/byte-by-byte", WholeHeads, "Wants a head in few pieces.")
wire("framing/body-apart", BodyWithHead, "Wants a small body with its head.")
wire("framing/body-later", QuickBodies, "Wants a small body within half a second.")
wire("framing/small-pieces", FewPieces, "Wants a body in few pieces.")
wire("framing/chunk-in-pieces", WholeSizes, "Wants a chunk with its size.")
with_wire("framing/interim", "NoInterim", "Takes 100 for an answer.", read_answer=no_interim)
with_wire("framing/no-reason", "WantsReason", "Wants some reason.", status=wants_reason)
with_wire("framing/other-reason", "WantsOk", "Wants OK behind 200.", status=wants_ok)
wire("framing/until-close", NeedsLength, "Wants a length.")
wire("framing/accepted-empty", AcceptedWithBody, "Wants a body with 202.")
wire("framing/accepted-chunked", AcceptedPlain, "Does not read a chunked 202.")
wire("framing/accepted-large", AcceptedShort, "Dies of a long body with 202.")
wire("framing/accepted-slow", Impatient, "Waits half a second for a 202.")
wire("framing/accepted-lower-case", AcceptedExact, "Dies of a 202 with headers in lower case.")


# Connections


class NoClose(Wire):
    """Goes on with a connection that was said to be closed, and does not try again."""

    def should_close(self, answer):
        return False

    def call(self, method, path, headers=(), body=None):
        closed = Wire.should_close(self, self.last) if getattr(self, "last", None) else False
        if closed and method == "GET":
            self.last = None
            return self.exchange(method, path, headers, body)
        self.last = Wire.call(self, method, path, headers, body)
        return self.last


class CloseEvents(NoClose):
    def call(self, method, path, headers=(), body=None):
        closed = Wire.should_close(self, self.last) if getattr(self, "last", None) else False
        if closed and method == "POST":
            self.last = None
            return self.exchange(method, path, headers, body)
        self.last = Wire.call(self, method, path, headers, body)
        return self.last


class NoRetry(Wire):
    def call(self, method, path, headers=(), body=None):
        return self.exchange(method, path, headers, body)


class FewConnections(Wire):
    made = 0

    def connect(self):
        self.made += 1
        if self.made > 8:
            raise OSError("too many connections")
        Wire.connect(self)


class NewEachTime(Wire):
    def call(self, method, path, headers=(), body=None):
        self.close()
        return Wire.call(self, method, path, headers, body)


class Leaks(Wire):
    """A connection in a hundred calls is left open."""

    calls = 0
    lost = ()

    def call(self, method, path, headers=(), body=None):
        self.calls += 1
        if self.calls % 100 == 0:
            self.lost += (self.socket,)
            self.socket = None
        return Wire.call(self, method, path, headers, body)


class TimesOut(Wire):
    def exchange(self, method, path, headers, body):
        if self.socket is None:
            self.connect()
        self.socket.settimeout(5)
        return Wire.exchange(self, method, path, headers, body)


class HangsWhenReset(Wire):
    def fill(self):
        try:
            Wire.fill(self)
        except ConnectionResetError:
            hang()


class HangsWhenClosed(Wire):
    def exchange(self, method, path, headers, body):
        fresh = self.socket is None
        try:
            return Wire.exchange(self, method, path, headers, body)
        except Lost as lost:
            if method == "GET" and lost.idle and fresh and self.received == 0:
                hang()
            raise


class HangsWhenPostLost(Wire):
    def call(self, method, path, headers=(), body=None):
        try:
            return Wire.call(self, method, path, headers, body) if method == "GET" else self.exchange(method, path, headers, body)
        except Lost:
            if method == "POST":
                hang()
            raise


class TriesForEver(Wire):
    """Connects again and again, once it has been connected."""

    ever = False

    def connect(self):
        while True:
            try:
                Wire.connect(self)
                self.ever = True
                return
            except OSError:
                if not self.ever:
                    raise
                time.sleep(0.1)


class WaitsForApi(Wire):
    """Tries for ever to be connected for the first time."""

    ever = False

    def connect(self):
        while True:
            try:
                Wire.connect(self)
                self.ever = True
                return
            except OSError:
                if self.ever:
                    raise
                time.sleep(0.1)


wire("connections/close-announced", NoClose, "Polls on a connection that is closed.")
wire("connections/close-after-event", CloseEvents, "Posts on a connection that is closed.")
wire("connections/closed-when-idle", NoRetry, "Does not connect again when an idle connection was closed.")
wire("connections/closed-each-time", FewConnections, "Makes eight connections in its life.")
wire("connections/kept", NewEachTime, "Makes a connection for each call.")
wire("connections/none-leaked", Leaks, "Leaves connections open.")
wire("connections/long-wait", TimesOut, "Waits five seconds for an event.")
wire("connections/reset-when-waiting", HangsWhenReset, "Hangs when a connection is reset.")
wire("connections/closed-when-waiting", HangsWhenClosed, "Hangs when the connection of a poll is closed.")
wire("connections/refused", TriesForEver, "Never gives up to connect again.")
wire("connections/refused-at-start", WaitsForApi, "Waits for the Runtime API for ever.")
wire("connections/reset-before-accepted", HangsWhenPostLost, "Hangs when a post has no answer.")


# Requests


def changed_head(change):
    def head(self, method, path, headers, body):
        return change(self, method, Wire.head(self, method, path, headers, body))

    return head


class ClosesInstead(Wire):
    """Ends its side in the place of a length."""

    def head(self, method, path, headers, body):
        return Wire.head(self, method, path, headers, None)

    def write(self, head, body):
        self.socket.sendall(head + (body or b""))
        if body is not None:
            self.socket.shutdown(socket.SHUT_WR)

    def should_close(self, answer):
        return True


class GetsWithBody(Wire):
    def call(self, method, path, headers=(), body=None):
        return Wire.call(self, method, path, headers, b"{}" if method == "GET" and path.endswith("/next") else body)


class BothLengths(Wire):
    def head(self, method, path, headers, body):
        head = Wire.head(self, method, path, headers, body)
        return head.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") if path.endswith("/response") else head

    def write(self, head, body):
        if b"Transfer-Encoding: chunked" in head and body is not None:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        Wire.write(self, head, body)


with_wire(
    "requests/host", "NoHost", "Sends no Host.", head=changed_head(lambda _s, _m, head: re.sub(rb"Host: [^\r]*\r\n", b"", head))
)
with_wire(
    "requests/host-names-the-api",
    "HostLocalhost",
    "Says that the host is localhost.",
    head=changed_head(lambda _s, _m, head: re.sub(rb"Host: [^\r]*", b"Host: localhost", head)),
)
wire("requests/no-body-on-get", GetsWithBody, "Sends a body with its poll.")
wire("requests/sized", ClosesInstead, "Tells no length.")
wire("requests/not-both", BothLengths, "Tells both lengths.")
with_wire(
    "requests/no-browser",
    "LikeABrowser",
    "Sends Origin.",
    head=changed_head(lambda _s, _m, head: head.replace(b"\r\nHost", b"\r\nOrigin: http://localhost\r\nHost", 1)),
)


@breaks("requests/no-mode")
class SaysBuffered(Bootstrap):
    """Says that a response is buffered."""

    def respond(self, event, body, content_type):
        event.headers["x"] = ""
        headers = (("Content-Type", content_type), ("Lambda-Runtime-Function-Response-Mode", "buffered"))
        self.posted(self.wire.call("POST", self.path(event, "response"), (*headers, *self.delivery(event)), body))


# Refusals


def with_refused(case, name, doc, refused):
    breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "refused": refused}))


def tries_500(self, answer):
    if answer.status != 500:
        self.give_up(answer.status)
    time.sleep(0.01)
    return self.next_event()


def tries_403(self, answer):
    if answer.status != 403:
        self.give_up(answer.status)
    time.sleep(0.01)
    return self.next_event()


def takes_it(status):
    def refused(self, answer):
        if answer.status != status or not answer.headers.get("lambda-runtime-aws-request-id"):
            self.give_up(answer.status)
        return Event(answer)

    return refused


with_refused("refusals/next-500", "Retries500", "Polls again after 500, for ever.", tries_500)
with_refused("refusals/next-500-fails", "Exits0", "Ends with 0 after 500.", lambda _self, _answer: os._exit(0))
with_refused("refusals/next-403", "Retries403", "Polls again after 403, for ever.", tries_403)
with_refused("refusals/next-500-is-no-event", "Takes500", "Takes 500 for an event.", takes_it(500))
with_refused("refusals/next-204-is-no-event", "Takes204", "Takes 204 for an event.", takes_it(204))

for _status in (413, 400, 403, 410):
    on_status(f"refusals/response-{_status}-once", f"Again{_status}", f"Posts again after {_status}.", _status, again)
    on_status(f"refusals/response-{_status}-goes-on", f"EndsAt{_status}", f"Ends after {_status}.", _status, end)
on_status("refusals/response-500-once", "Again500", "Posts again after 500.", 500, again)
on_status("refusals/response-500-ends", "GoesOnAt500", "Goes on after 500.", 500, lambda *_args: None)


class TakesCutBodies(Wire):
    def take(self, count):
        try:
            return Wire.take(self, count)
        except Lost:
            return bytes(self.buffer)


class TakesCutHeads(Wire):
    def line(self):
        try:
            return Wire.line(self)
        except Lost:
            if not self.received:
                raise
            rest, self.buffer = bytes(self.buffer), bytearray()
            return rest.decode().strip()

    def rest(self):
        return b"1"


class TakesCutChunks(Wire):
    def chunks(self):
        try:
            yield from Wire.chunks(self)
        except Lost:
            return


class HangsAtGarbage(Wire):
    def status(self, line):
        try:
            return Wire.status(self, line)
        except ValueError:
            hang()


wire("refusals/cut-body", TakesCutBodies, "Takes a body that is cut short.")
wire("refusals/cut-head", TakesCutHeads, "Takes a head that is cut short.")
wire("refusals/cut-chunks", TakesCutChunks, "Takes chunks that are cut short.")
wire("refusals/garbage", HangsAtGarbage, "Hangs when an answer is no HTTP.")


# The process


@breaks("process/sigterm")
class IgnoresTerm(Bootstrap):
    """Ignores SIGTERM."""

    def main(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().main()


class Spins(Wire):
    first = True

    def fill(self):
        if self.first:
            self.socket.setblocking(False)
            while True:
                try:
                    self.socket.recv(1, socket.MSG_PEEK)
                    break
                except BlockingIOError:
                    continue
            self.socket.setblocking(True)
            type(self).first = False
        Wire.fill(self)


class SpinsLater(Wire):
    calls = 0

    def exchange(self, method, path, headers, body):
        self.calls += 1
        return Wire.exchange(self, method, path, headers, body)

    def fill(self):
        if self.calls == 3:
            self.socket.setblocking(False)
            while True:
                try:
                    self.socket.recv(1, socket.MSG_PEEK)
                    break
                except BlockingIOError:
                    continue
            self.socket.setblocking(True)
        Wire.fill(self)


wire("process/waits-idly", Spins, "Spins while it waits for its first event.")
wire("process/idle-after-work", SpinsLater, "Spins while it waits for its second event.")


# Init


@breaks("init/handler-missing")
class SilentInit(Bootstrap):
    """Ends without a word when the handler cannot be found."""

    def init_failed(self, error):
        if isinstance(error, ImportError):
            os._exit(1)
        super().init_failed(error)


@breaks("init/ends")
class HangsAfterInit(Bootstrap):
    """Hangs after an init error of a module."""

    def init_failed(self, error):
        self.post_init_error(error)
        if isinstance(error, ImportError):
            self.wire.close()
            hang()
        os._exit(1)


@breaks("init/fails")
class InitExits0(Bootstrap):
    """Ends with 0 after an init error."""

    def init_exit_code(self):
        return 0


on_init_error("init/message", "InitNoMessage", "No errorMessage in init errors.", lambda d: d.pop("errorMessage"))
on_init_error("init/type", "InitNoType", "No errorType in init errors.", lambda d: d.pop("errorType"))
on_init_error("init/stack-trace", "InitNoTrace", "No stackTrace in init errors.", lambda d: d.pop("stackTrace"))


@breaks("init/type-header")
class InitNoHeader(Bootstrap):
    """No error type header with init errors."""

    def post_init_error(self, error):
        body = self.error_body(error, self.init_error_type(error))
        self.wire.call("POST", self.init_error_path(), (("Content-Type", "application/json"),), body)


@breaks("init/type-category")
class InitNoCategory(Bootstrap):
    """An error type without a category."""

    def init_error_type(self, error):
        return "broken"


@breaks("init/function-missing")
class FindsLate(Bootstrap):
    """Looks for the function when it is called."""

    def load(self):
        try:
            return super().load()
        except AttributeError as error:
            late = error

            def function(_event, _context):
                raise late

            return function


@breaks("init/refused")
class InitRefusedHangs(Bootstrap):
    """Hangs when its init error is refused."""

    def init_failed(self, error):
        kind = self.init_error_type(error)
        body = self.error_body(error, kind)
        answer = self.wire.call("POST", self.init_error_path(), self.error_headers(kind), body)
        if answer.status == 403:
            hang()
        os._exit(1)


@breaks("init/refused-500")
class InitRetries(Bootstrap):
    """Posts an init error again and again while it is answered with 500."""

    def init_failed(self, error):
        kind = self.init_error_type(error)
        body = self.error_body(error, kind)
        while self.wire.call("POST", self.init_error_path(), self.error_headers(kind), body).status == 500:
            time.sleep(0.05)
        os._exit(1)


@breaks("init/handler-malformed")
class DefaultHandler(Bootstrap):
    """Takes a function that does nothing when the handler is malformed."""

    def load(self):
        if "." not in self.env["_HANDLER"]:
            return lambda event, _context: event
        return super().load()


@breaks("init/raises")
class InitHidesMessage(Bootstrap):
    """Hides what was raised."""

    def init_failed(self, error):
        super().init_failed(RuntimeError("initialisation failed") if isinstance(error, RuntimeError) else error)


@breaks("init/exit-code")
class InitExitIsOne(Bootstrap):
    """Makes every exit while it loads an exit code 1."""

    def load(self):
        true_exit = os._exit
        os._exit = lambda _code: true_exit(1)
        try:
            return super().load()
        finally:
            os._exit = true_exit


@breaks("init/output")
class MuteInit(Bootstrap):
    """Throws away what is printed while it loads."""

    def load(self):
        sys.stdout = open(os.devnull, "w")
        try:
            return super().load()
        finally:
            sys.stdout = sys.__stdout__


# Restore


@breaks("restore/asks")
class NoRestore(Bootstrap):
    """Asks for an event when it should ask for its restore."""

    def restore(self):
        self.env = {**self.env, "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}


@breaks("restore/then-next")
class EndsAtRestore(Bootstrap):
    """Serves nothing after a restore."""

    def restore(self):
        super().restore()
        self.invoke = hang


@breaks("restore/waits")
class DoesNotWaitForRestore(Bootstrap):
    """Polls while its restore is awaited."""

    def restore(self):
        wire = self.new_wire()
        wire.connect()
        wire.write(wire.head("GET", f"{API}/restore/next", (), None), None)
        time.sleep(0.1)
        self.kept = wire


@breaks("restore/not-otherwise")
class RestoresUnlessOnDemand(Bootstrap):
    """Takes provisioned concurrency for SnapStart."""

    def main(self):
        if self.env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency":
            self.env = {**self.env, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        super().main()


@breaks("restore/refused")
class IgnoresRestoreStatus(Bootstrap):
    """Goes on when its restore is refused."""

    def restore(self):
        self.wire.call("GET", f"{API}/restore/next")


@breaks("restore/init-first")
class RestoresFirst(Bootstrap):
    """Asks for its restore before it has loaded the handler."""

    def load(self):
        if self.env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
            try:
                return super().load()
            except RuntimeError:
                self.restore()
                raise
        return super().load()


# Concurrency


@breaks("concurrency/polls")
class OneAtATime(Bootstrap):
    """Does not know AWS_LAMBDA_MAX_CONCURRENCY."""

    def many(self, count):
        self.loop()


@breaks("concurrency/no-more")
class OneTooMany(Bootstrap):
    """Polls once more than it may."""

    def many(self, count):
        super().many(count + 1)


@breaks("concurrency/one")
class OneIsTwo(Bootstrap):
    """Polls twice when it may poll once."""

    def main(self):
        if self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") == "1":
            self.env = {**self.env, "AWS_LAMBDA_MAX_CONCURRENCY": "2"}
        super().main()


@breaks("concurrency/own-ids")
class SharedId(Bootstrap):
    """Keeps the id in a place that all workers share."""

    shared = types.SimpleNamespace(id=None)

    def invoke(self, event):
        if int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) > 1 and event.body == b"{}":
            self.shared.id = super().request_id(event)
            time.sleep(0.1)
        super().invoke(event)

    def request_id(self, event):
        return self.shared.id or super().request_id(event)


@breaks("concurrency/polls-again")
class WorkersEnd(Bootstrap):
    """A worker ends with its first event."""

    def worker(self):
        other = type(self)(self.env)
        other.function = self.function
        other.invoke(other.next_event())


@breaks("concurrency/own-bodies")
class SharedBody(Bootstrap):
    """Keeps the response in a place that all workers share."""

    shared = types.SimpleNamespace(body=b"")

    def respond(self, event, body, content_type):
        if int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) > 1 and body[:4] == b'{"n"':
            self.shared.body = body
            time.sleep(0.1)
            body = self.shared.body
        super().respond(event, body, content_type)


@breaks("concurrency/not-in-turn")
class OneLock(Bootstrap):
    """Lets its handler run once at a time."""

    lock = threading.Lock()

    def invoke(self, event):
        with self.lock:
            super().invoke(event)


@breaks("concurrency/error-alone")
class ErrorEndsWorker(Bootstrap):
    """A worker ends with an error."""

    def fail(self, event, error):
        super().fail(event, error)
        if int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) > 1:
            hang()


# Echo


def value(case, name, doc, test, other):
    on_result(case, name, doc, lambda result: other(result) if test(result) else result)


def text(case, name, doc, test, other):
    on_text(case, name, doc, lambda body: other(body) if test(body) else body)


def plain(kind, wanted):
    return lambda result: type(result) is kind and result == wanted


value("echo/array", "FirstOfArray", "Returns the first of several.", lambda r: isinstance(r, list) and len(r) == 5, lambda r: r[0])
text("echo/string", "BareString", "Posts a string without its quotes.", lambda b: b == '"a string"', lambda b: b.strip('"'))
value("echo/integer", "NumberAsText", "Posts a number as a string.", plain(int, 42), str)
value("echo/zero", "ZeroIsNothing", "Takes 0 for nothing.", plain(int, 0), lambda _r: None)
value("echo/negative", "NoSign", "Loses a sign.", plain(int, -17), abs)
value("echo/fraction", "SixDigits", "Writes six digits.", lambda r: type(r) is float, lambda r: float(f"{r:.6g}"))
value("echo/true", "TrueIsOne", "Posts 1 for true.", lambda r: r is True, int)
value("echo/false", "FalseIsNothing", "Takes false for nothing.", lambda r: r is False, lambda _r: None)
text("echo/null", "NullIsEmpty", "Posts nothing for null.", lambda b: b == "null", lambda _b: "")
value("echo/empty-string", "EmptyStringIsNothing", "Takes an empty string for nothing.", plain(str, ""), lambda _r: None)
value("echo/empty-array", "EmptyArrayIsNothing", "Takes an empty array for nothing.", plain(list, []), lambda _r: None)
value(
    "echo/empty-object", "EmptyObjectIsNothing", "Takes an empty object for nothing.", plain(dict, {}), lambda _r: None
)
value(
    "echo/null-in-object",
    "DropsNulls",
    "Drops keys without a value.",
    lambda r: isinstance(r, dict) and "a" in r and r["a"] is None,
    lambda r: {key: item for key, item in r.items() if item is not None},
)
value(
    "echo/empty-key",
    "DropsEmptyKeys",
    "Drops an empty key.",
    lambda r: isinstance(r, dict) and "" in r,
    lambda r: {key: item for key, item in r.items() if key},
)
value(
    "echo/underscores",
    "DropsUnderscores",
    "Drops keys that begin with underscores.",
    lambda r: isinstance(r, dict) and "__b" in r,
    lambda r: {key: item for key, item in r.items() if not key.startswith("__")},
)
text("echo/nested", "Shallow", "Dies of an event nested 100 deep.", lambda b: b.startswith("[" * 150), lambda b: b[100:-100])
text("echo/escapes", "LosesBackslashes", "Takes backslashes away.", lambda b: "back" in b, lambda b: b.replace("\\\\", ""))
text("echo/line-ends", "FirstLine", "Posts the first line.", lambda b: "three" in b, lambda b: b.split("\\n")[0].strip('"\\r').join('""'))
text("echo/nul", "CutsAtNul", "Cuts at NUL.", lambda b: "\\u0000" in b, lambda b: b.split("\\u0000")[0] + '"')
text("echo/non-ascii", "QuestionMarks", "Writes Latin letters as ?.", lambda b: "grüße" in b, lambda b: b.replace("ü", "?"))
text("echo/cjk", "DropsCjk", "Drops characters of three bytes.", lambda b: "漢字" in b, lambda b: b.replace("漢", ""))
text("echo/astral", "NoAstral", "Drops characters of four bytes.", lambda b: "🎉 " in b, lambda b: b.replace("🎉", ""))
text(
    "echo/escaped-characters",
    "DoubleEscapes",
    "Escapes what came escaped once more.",
    lambda b: b == '"é🎉"',
    lambda _b: '"\\\\u00e9🎉"',
)
text(
    "echo/line-separator", "SplitsLines", "Splits at U+2028.", lambda b: "\u2028" in b, lambda b: b.split("\u2028")[0] + '"'
)
on_event(
    "echo/whitespace",
    "FirstLineOnly",
    "Reads the first line with something in it.",
    lambda event: event.body[:2] == b"\n{",
    lambda self, event: self.respond(event, b"{}", "application/json"),
)
text("echo/markup", "EscapesMarkup", "Escapes markup.", lambda b: "<a" in b, lambda b: b.replace("<", "&lt;"))
text("echo/percent", "DecodesForms", "Takes an event for a form.", lambda b: "%25" in b, lambda b: b.replace("%25", "%"))


def longer(limit):
    return lambda b: len(b.encode()) > limit


def shorter(b):
    return b[:1000] + '"'


text("echo/100-kb", "Cuts64K", "Posts 64 KB at most.", lambda b: 65536 < len(b) < 300000 and b.isascii(), shorter)
text("echo/1-mb", "Cuts1M", "Posts 1 MB at most.", lambda b: 2**20 < len(b) < 2000000, shorter)
text("echo/6-mb", "Cuts5M", "Posts 5 MB at most.", lambda b: len(b) > 5 * 2**20, shorter)
text("echo/limit", "Cuts6M", "Posts 6 MiB at most.", lambda b: len(b) > 6 * 2**20, shorter)
text("echo/large-non-ascii", "CutsCharacters", "Loses characters between pieces.", lambda b: len(b) > 50000 and not b.isascii(), lambda b: b[:-5] + '?"')
value("echo/big-integer", "Doubles", "Has doubles for numbers.", lambda r: type(r) is int and r > 2**53, float)


@breaks("echo/spelling")
class SortsKeys(Bootstrap):
    """Sorts keys."""

    def encode(self, result):
        body = json.dumps(result, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        return (body.encode(), "application/json") if type(result) is dict else super().encode(result)


@breaks("echo/content-type")
class NoContentType(Bootstrap):
    """Says that a response is plain text."""

    def encode(self, result):
        return super().encode(result)[0], "text/plain"


@breaks("echo/own-event")
class LastResponse(Bootstrap):
    """Remembers the response to an event that looks alike."""

    memory = None

    def encode(self, result):
        if type(result) is dict and "n" in result and int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) == 1:
            self.memory = self.memory or result
            result = self.memory
        return super().encode(result)


@breaks("echo/shrinking")
class KeepsBuffer(Bootstrap):
    """Writes a short response into the buffer of the long one before."""

    before = b""

    def encode(self, result):
        body, content_type = super().encode(result)
        if body == b"[7]" and self.before:
            body += self.before[3:]
        self.before = body
        return body, content_type


# Errors of the handler


@breaks("errors/posted")
class ErrorsAsResponses(Bootstrap):
    """Posts an error to /response."""

    def path(self, event, what):
        return super().path(event, "response")


@breaks("errors/goes-on")
class EndsAfterError(Bootstrap):
    """Ends after an error."""

    def fail(self, event, error):
        super().fail(event, error)
        if str(error) == "it broke":
            self.give_up("an error")


on_error("errors/message", "NoMessage", "No errorMessage.", lambda d: d.pop("errorMessage", None))
on_error("errors/type", "NoType", "No errorType.", lambda d: d.pop("errorType"))
on_error("errors/stack-trace", "NoTrace", "Calls the stack trace `trace`.", lambda d: d.update(trace=d.pop("stackTrace")))


@breaks("errors/type-header")
class NoErrorHeader(Bootstrap):
    """No error type header with errors."""

    def error_headers(self, kind):
        return (("Content-Type", "application/json"),) if kind.startswith("Function") else super().error_headers(kind)


@breaks("errors/type-category")
class NoCategory(Bootstrap):
    """An error type without a category."""

    def error_type(self, error):
        return type(error).__name__


def messages(test, other):
    def change(document):
        if test(document["errorMessage"]):
            document["errorMessage"] = other(document["errorMessage"])

    return change


on_error("errors/message-non-ascii", "AsciiMessages", "Writes ? beyond ASCII.", messages(lambda m: not m.isascii(), lambda m: m.encode("ascii", "replace").decode()))
on_error("errors/message-quotes", "NoQuotes", "Loses quotes.", messages(lambda m: '"' in m, lambda m: m.replace('"', "")))
on_error("errors/message-lines", "OneLine", "Keeps the first line.", messages(lambda m: "\n" in m, lambda m: m.split("\r")[0]))
on_error("errors/message-long", "ShortMessages", "Keeps 1,000 characters.", lambda d: d.update(errorMessage=d["errorMessage"][:1000]))


@breaks("errors/message-empty")
class NeedsMessages(Bootstrap):
    """Posts an empty document for an exception without a message."""

    def error_document(self, error, kind):
        return super().error_document(error, kind) if str(error) else {}


@breaks("errors/unserialisable")
class PostsRepr(Bootstrap):
    """Posts the name of an object that is no JSON."""

    def encode(self, result):
        return super().encode(str(result) if type(result) is object else result)


@breaks("errors/unserialisable-goes-on")
class DiesUnserialisable(Bootstrap):
    """Ends after a return value that is no JSON."""

    def fail(self, event, error):
        super().fail(event, error)
        if isinstance(error, TypeError):
            self.give_up(error)


@breaks("errors/several")
class FiveErrors(Bootstrap):
    """Ends after five errors."""

    errors = 0

    def fail(self, event, error):
        super().fail(event, error)
        self.errors += 1
        if self.errors == 5:
            self.give_up("too many errors")


on_error_status("errors/refused-once", "ErrorAgain", "Posts an error again after 403.", 403, again)
on_error_status("errors/refused-goes-on", "ErrorRefusedEnds", "Ends when an error is refused.", 403, end)
on_error_status("errors/answered-500", "ErrorGoesOn", "Goes on when an error is answered with 500.", 500, lambda *_a: None)


@breaks("errors/exit")
class PostsAtExit(Bootstrap):
    """Posts an error when its handler ends the process, and lives."""

    def invoke(self, event):
        true_exit = os._exit
        if b'"exit"' in event.body:

            def exit_(code):
                raise RuntimeError(f"exit {code}")

            os._exit = exit_
        try:
            super().invoke(event)
        finally:
            os._exit = true_exit


@breaks("errors/exit-code")
class ExitIsOne(Bootstrap):
    """Makes every exit of its handler an exit code 1."""

    def invoke(self, event):
        true_exit = os._exit
        if b'"exit"' in event.body:
            os._exit = lambda _code: true_exit(1)
        super().invoke(event)


# Context


def attribute(case, name, doc, attr, other):
    on_context(case, name, doc, lambda _b, _e, context: setattr(context, attr, other))


attribute("context/request-id", "NoRequestId", "Leaves the request id out.", "aws_request_id", None)
on_context(
    "context/function-arn",
    "OwnArn",
    "Makes up an ARN.",
    lambda _b, _e, c: setattr(c, "invoked_function_arn", "arn:aws:lambda:us-east-1:1:function:f"),
)
attribute("context/function-name", "NoName", "Another name.", "function_name", "function")
attribute("context/function-version", "LatestVersion", "Always $LATEST.", "function_version", "$LATEST")
attribute("context/memory", "NoMemory", "Always 128 MB.", "memory_limit_in_mb", "128")
attribute("context/log-group", "NoLogGroup", "No log group.", "log_group_name", None)
attribute("context/log-stream", "NoLogStream", "No log stream.", "log_stream_name", None)


@breaks("context/remaining-time")
class ConstantTime(Bootstrap):
    """Always a minute left."""

    def remaining_ms(self, event):
        return min(60000, super().remaining_ms(event))


@breaks("context/remaining-time-anew")
class FirstDeadline(Bootstrap):
    """The remaining time of the first event."""

    first = None

    def remaining_ms(self, event):
        self.first = self.first or event
        return super().remaining_ms(self.first)


@breaks("context/remaining-time-past")
class AtLeastASecond(Bootstrap):
    """At least a second left."""

    def remaining_ms(self, event):
        return max(1000, super().remaining_ms(event))


@breaks("context/no-deadline")
class TimeNeedsDeadline(Bootstrap):
    """Fails to tell the time without a deadline."""

    def remaining_ms(self, event):
        return int(event.get("Lambda-Runtime-Deadline-Ms")) and super().remaining_ms(event)


def with_trace(case, name, doc, set_trace):
    breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "set_trace": set_trace}))


def first_trace(self, event):
    if "_X_AMZN_TRACE_ID" not in os.environ:
        Bootstrap.set_trace(self, event)


def last_trace(self, event):
    if event.get("Lambda-Runtime-Trace-Id"):
        Bootstrap.set_trace(self, event)


with_trace("context/trace-id", "NoTraceId", "Sets no trace id.", lambda _self, _event: None)
with_trace("context/trace-id-anew", "FirstTrace", "Keeps the first trace id.", first_trace)
with_trace("context/trace-id-gone", "LastTrace", "Keeps the last trace id.", last_trace)


def kept(name):
    def change(bootstrap, _event, context):
        found = getattr(context, name)
        if found is not None and getattr(found, "cognito_identity_id", True) is not None:
            bootstrap.kept = found
        setattr(context, name, getattr(bootstrap, "kept", found))

    return change


def ascii_context(_bootstrap, event, context):
    if not (event.get("Lambda-Runtime-Client-Context") or "").isascii():
        context.client_context = None


attribute("context/client-context", "NoClientContext", "No client context.", "client_context", None)
on_context("context/client-context-gone", "KeepsClientContext", "Keeps a client context.", kept("client_context"))
on_context("context/client-context-non-ascii", "AsciiContext", "No client context beyond ASCII.", ascii_context)
attribute("context/identity", "NoIdentity", "No identity.", "identity", None)
on_context("context/identity-gone", "KeepsIdentity", "Keeps an identity.", kept("identity"))
attribute("context/tenant", "NoTenant", "No tenant id.", "tenant_id", None)
on_event(
    "context/broken-client-context",
    "DiesOfBrokenContext",
    "Dies of a client context that is no JSON.",
    lambda event: event.get("Lambda-Runtime-Client-Context") == "{broken",
)


# Around the handler


def without(*names):
    def load(self):
        for name in names:
            os.environ.pop(name, None)
        return Bootstrap.load(self)

    return load


def environment(case, name, doc, load):
    breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "env": dict(os.environ), "load": load}))


class Copied(Bootstrap):
    """Has its own copy of the variables."""

    def __init__(self, env=None):
        super().__init__(dict(env or os.environ))


def lossy(case, name, doc, change):
    def load(self):
        change()
        return Bootstrap.load(self)

    breaks(case)(type(name, (Copied,), {"__doc__": doc, "load": load}))


def ascii_variables():
    value_of = os.environ.get("CONFORMANCE_VALUE", "")
    if not value_of.isascii():
        os.environ["CONFORMANCE_VALUE"] = value_of.encode("ascii", "replace").decode()


def cut_variables():
    if "=" in os.environ.get("CONFORMANCE_VALUE", ""):
        os.environ["CONFORMANCE_VALUE"] = os.environ["CONFORMANCE_VALUE"].split("=")[0]


lossy("environment/variables", "CutsVariables", "Cuts a value at its =.", cut_variables)
lossy("environment/variables-non-ascii", "AsciiVariables", "Writes ? in values.", ascii_variables)
lossy("environment/reserved", "HidesRegion", "Takes AWS_REGION away.", lambda: os.environ.pop("AWS_REGION"))
lossy("environment/credentials", "HidesKeys", "Takes the token away.", lambda: os.environ.pop("AWS_SESSION_TOKEN"))
lossy("environment/runtime-api", "HidesApi", "Takes the address away.", lambda: os.environ.pop("AWS_LAMBDA_RUNTIME_API"))
lossy(
    "environment/absent", "SetsVariables", "Sets what is not set.", lambda: os.environ.setdefault("CONFORMANCE_NOT_SET", "")
)


@breaks("environment/state")
class LoadsEachTime(Bootstrap):
    """Loads its handler anew at the third event."""

    served = 0

    def invoke(self, event):
        self.served += 1
        if self.served == 3 and b'"state"' in event.body:
            sys.modules.pop(self.env["_HANDLER"].rpartition(".")[0])
            self.function = self.load()
        super().invoke(event)


def reload_after(kind):
    def fail(self, event, error):
        Bootstrap.fail(self, event, error)
        if type(error).__name__ == kind:
            sys.modules.pop(self.env["_HANDLER"].rpartition(".")[0])
            self.function = self.load()

    return fail


breaks("environment/state-after-error")(
    type("ReloadsAfterError", (Bootstrap,), {"__doc__": "Loads its handler anew after an error.", "fail": reload_after("ConformanceError")})
)
breaks("environment/state-after-unserialisable")(
    type("ReloadsAfterTypeError", (Bootstrap,), {"__doc__": "The same after a return value that is no JSON.", "fail": reload_after("TypeError")})
)


def muted(name, test):
    def invoke(self, event):
        if test(event):
            setattr(sys, name, open(os.devnull, "w"))
        try:
            Bootstrap.invoke(self, event)
        finally:
            setattr(sys, name, getattr(sys, f"__{name}__"))

    return invoke


breaks("environment/stdout")(
    type("MuteStdout", (Bootstrap,), {"__doc__": "Throws standard output away.", "invoke": muted("stdout", lambda e: b"printed-to" in e.body)})
)
breaks("environment/stderr")(
    type("MuteStderr", (Bootstrap,), {"__doc__": "Throws standard error away.", "invoke": muted("stderr", lambda e: True)})
)


@breaks("environment/print-non-ascii")
class AsciiOutput(Bootstrap):
    """Prints ? beyond ASCII."""

    def main(self):
        sys.stdout.reconfigure(encoding="ascii", errors="replace")
        super().main()


@breaks("environment/slow-handler")
class HalfASecond(Bootstrap):
    """Posts an error for a handler that takes more than half a second."""

    def encode(self, result):
        if isinstance(result, dict) and result.get("slept") == 1000:
            raise TimeoutError("too slow")
        return super().encode(result)


@breaks("environment/past-its-deadline")
class DropsLateResults(Bootstrap):
    """Throws a result away when the deadline has just passed."""

    def respond(self, event, body, content_type):
        late = time.time() * 1000 - int(event.get("Lambda-Runtime-Deadline-Ms") or 1e18)
        if not 0 < late < 20000:
            super().respond(event, body, content_type)


@breaks("environment/large-response")
class OneMebibyte(Bootstrap):
    """Posts an error for a large string of one letter."""

    def encode(self, result):
        if isinstance(result, str) and len(result) == 6291554 and result[:3] == "xxx":
            raise ValueError("too large")
        return super().encode(result)


@breaks("environment/too-large-response")
class ErrorWhenTooLarge(Bootstrap):
    """Posts an error when a large response was refused."""

    def respond(self, event, body, content_type):
        headers = (("Content-Type", content_type), *self.delivery(event))
        answer = self.wire.call("POST", self.path(event, "response"), headers, body)
        if answer.status == 413 and len(body) > 6291556:
            return self.fail(event, ValueError("too large"))
        return self.posted(answer)


# Streaming


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
    """Says streaming for good, once it has streamed."""

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
    """Posts something more when a stream is refused."""

    def post_stream(self, event, chunks):
        self.posted = lambda answer: again_streamed(self, answer)
        super().post_stream(event, chunks)


streams("streaming/mode", "UpperMode", "Says Streaming.", stream_headers=headers_but("Lambda-Runtime-Function-Response-Mode", "Streaming"))
streams("streaming/chunked", "Unchunked", "Streams in one piece.", post_stream=unchunked)
streams("streaming/body", "Reorders", "Changes the order of chunks.", post_stream=reordered)
streams("streaming/as-they-come", "Collects", "Collects chunks.", post_stream=collected)
streams("streaming/trailer-announced", "NoTrailer", "Announces no trailers.", stream_headers=headers_but("Trailer"))
streams("streaming/empty-chunk", "EmptyEnds", "Ends at an empty chunk.", write_chunk=empty_ends)
streams("streaming/empty", "NoEmptyStream", "Posts an error for an empty stream.", post_stream=dies_empty)
streams("streaming/non-ascii", "AsciiStream", "Writes ? beyond ASCII.", write_chunk=ascii_chunk)
streams("streaming/large", "MegabyteStream", "Streams 1 MB at most.", write_chunk=one_megabyte)
streams("streaming/error-type", "NoTypeTrailer", "No error type in the trailers.", error_trailers=no_type_trailer)
streams("streaming/error-body", "RawTrailer", "An error document as it is in the trailers.", error_trailers=raw_body_trailer)
streams("streaming/error-keeps-beginning", "DropsBeginning", "Loses the beginning of a stream that fails.", post_stream=drops_beginning)
streams("streaming/error-goes-on", "EndsAfterLate", "Ends after a stream that fails.", error_trailers=ends_after_late)
streams("streaming/no-error-trailer", "AlwaysTrailers", "Has error trailers always.", end_stream=always_trailers)
breaks("streaming/then-buffered")(StaysStreaming)
breaks("streaming/refused")(AgainStreamed)


if __name__ == "__main__":
    MUTANTS[sys.argv[1]]().main()
