"""Faults with concurrent invocations."""

import threading
import time
import types

from making import breaks, hang
from reference import Bootstrap


@breaks("concurrency/polls")
class OneAtATime(Bootstrap):
    """Ignores AWS_LAMBDA_MAX_CONCURRENCY."""

    def many(self, count):
        self.loop()


@breaks("concurrency/no-more")
class OneTooMany(Bootstrap):
    """Opens one poll too many."""

    def many(self, count):
        super().many(count + 1)


@breaks("concurrency/one")
class OneIsTwo(Bootstrap):
    """Opens two polls when AWS_LAMBDA_MAX_CONCURRENCY is 1."""

    def main(self):
        if self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") == "1":
            self.env = {**self.env, "AWS_LAMBDA_MAX_CONCURRENCY": "2"}
        super().main()


@breaks("concurrency/own-ids")
class SharedId(Bootstrap):
    """Shares the request id between workers."""

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
    """A worker ends after its first event."""

    def worker(self):
        other = type(self)(self.env)
        other.function = self.function
        other.invoke(other.next_event())


@breaks("concurrency/own-bodies")
class SharedBody(Bootstrap):
    """Shares the response between workers."""

    shared = types.SimpleNamespace(body=b"")

    def respond(self, event, body, content_type):
        if int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) > 1 and body[:4] == b'{"n"':
            self.shared.body = body
            time.sleep(0.1)
            body = self.shared.body
        super().respond(event, body, content_type)


@breaks("concurrency/not-in-turn")
class OneLock(Bootstrap):
    """Runs the handler under a lock."""

    lock = threading.Lock()

    def invoke(self, event):
        if b"quick" in event.body:
            time.sleep(0.3)
        with self.lock:
            super().invoke(event)


@breaks("concurrency/error-alone")
class ErrorEndsWorker(Bootstrap):
    """A worker ends after an error."""

    def fail(self, event, error):
        super().fail(event, error)
        if int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) > 1:
            hang()
