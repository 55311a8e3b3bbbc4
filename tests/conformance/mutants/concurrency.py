"""Several invocations at a time."""

import threading
import time
import types

from making import breaks, hang
from reference import Bootstrap


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
        if b"quick" in event.body:
            time.sleep(0.3)
        with self.lock:
            super().invoke(event)


@breaks("concurrency/error-alone")
class ErrorEndsWorker(Bootstrap):
    """A worker ends with an error."""

    def fail(self, event, error):
        super().fail(event, error)
        if int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) > 1:
            hang()
