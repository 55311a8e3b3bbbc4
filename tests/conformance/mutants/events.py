"""Faults with missing or unusual headers, and with bodies that are not JSON."""

import time

from making import breaks, hang, on_event
from reference import Bootstrap, Event


def lacks(*names):
    return lambda event: event.get("Lambda-Runtime-Aws-Request-Id") and all(event.get(name) is None for name in names)


on_event(
    "missing/content-type", "NeedsContentType", "Exits on an event without a Content-Type.", lacks("Content-Type")
)
on_event(
    "missing/deadline", "NeedsDeadline", "Exits on an event without a deadline.", lacks("Lambda-Runtime-Deadline-Ms")
)
on_event("missing/arn", "NeedsArn", "Exits on an event without an ARN.", lacks("Lambda-Runtime-Invoked-Function-Arn"))
on_event("missing/trace-id", "NeedsTrace", "Exits on an event without a trace id.", lacks("Lambda-Runtime-Trace-Id"))
on_event(
    "missing/all-optional",
    "NeedsSomething",
    "Exits on an event without both ARN and trace id.",
    lacks("Lambda-Runtime-Invoked-Function-Arn", "Lambda-Runtime-Trace-Id"),
)


@breaks("missing/request-id")
class PostsWithoutId(Bootstrap):
    """Posts to a path without a request id."""

    def next_event(self):
        answer = self.poll()
        if answer.status != 200:
            return self.refused(answer)
        answer.headers.setdefault("lambda-runtime-aws-request-id", "")
        return Event(answer)


on_event(
    "missing/charset",
    "NoParameters",
    "Exits on a media type with parameters.",
    lambda event: ";" in (event.get("Content-Type") or ""),
)
on_event(
    "missing/other-type",
    "JsonOnly",
    "Exits on a text event.",
    lambda event: (event.get("Content-Type") or "").startswith("text/"),
)


def deadline(event):
    return int(event.get("Lambda-Runtime-Deadline-Ms") or 0)


on_event(
    "missing/past-deadline",
    "DropsLateEvents",
    "Drops an event whose deadline passed a minute ago.",
    lambda event: deadline(event) and -90 < deadline(event) / 1000 - time.time() < -30,
    lambda _self, _event: None,
)
on_event(
    "missing/far-deadline",
    "ShortDeadlines",
    "Exits on a deadline far in the future.",
    lambda event: deadline(event) > 10**14,
)
on_event(
    "missing/odd-trace",
    "WantsRoot",
    "Exits on a trace id without Root.",
    lambda event: "Root=" not in (event.get("Lambda-Runtime-Trace-Id") or "Root="),
)
on_event(
    "missing/lineage",
    "ThreeParts",
    "Exits on a trace id of four parts.",
    lambda event: (event.get("Lambda-Runtime-Trace-Id") or "").count(";") > 2,
)
on_event(
    "missing/odd-arn",
    "SplitsArns",
    "Exits on an ARN without colons.",
    lambda event: ":" not in (event.get("Lambda-Runtime-Invoked-Function-Arn") or ":"),
)


on_event("bodies/empty", "NoEmptyEvents", "Exits on an empty event.", lambda event: not event.body)
on_event(
    "bodies/not-json", "DiesOfBadJson", "Exits on an event that is not JSON.", lambda event: event.body == b"{no json"
)
on_event(
    "bodies/binary",
    "DiesOfBinary",
    "Exits on an event that is not UTF-8.",
    lambda event: event.body[:2] == b"\xfe\xff",
)
on_event(
    "bodies/byte-order-mark",
    "DiesOfBom",
    "Exits on a byte order mark.",
    lambda event: event.body[:3] == b"\xef\xbb\xbf",
)
on_event("bodies/deep", "OverflowsStack", "Exits on deep nesting.", lambda event: event.body[:10000] == b"[" * 10000)
on_event(
    "bodies/octet-stream",
    "NoOctetStream",
    "Exits on application/octet-stream.",
    lambda event: event.get("Content-Type") == "application/octet-stream",
)


@breaks("bodies/then-good")
class SpoiltByBadJson(Bootstrap):
    """Hangs at the event after one that is not JSON."""

    spoilt = False

    def invoke(self, event):
        if self.spoilt and event.body == b"{}":
            hang()
        self.spoilt = event.body[:1] == b"]"
        super().invoke(event)
