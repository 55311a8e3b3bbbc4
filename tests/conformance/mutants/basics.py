"""Faults in the basics, and in the order of calls."""

import json
import os
import threading
import time

from making import breaks, hang
from reference import API, Bootstrap


@breaks("basics/asks-for-an-event")
class NeverAsks(Bootstrap):
    """Exits without asking for an event."""

    def main(self):
        os._exit(0)


@breaks("basics/posts-a-result")
class NeverPosts(Bootstrap):
    """Receives an event and hangs."""

    def invoke(self, event):
        hang()


@breaks("basics/asks-again")
class ExitsAfterFirst(Bootstrap):
    """Exits after its first event."""

    def invoke(self, event):
        super().invoke(event)
        os._exit(0)


@breaks("basics/returns-its-event")
class AnswersOk(Bootstrap):
    """Posts "ok" instead of the handler's return value."""

    def encode(self, result):
        return b'"ok"', "application/json"


@breaks("basics/knows-the-commands")
class EventAsText(Bootstrap):
    """Passes commands to the handler as text."""

    def decode(self, event):
        decoded = super().decode(event)
        return json.dumps(decoded) if isinstance(decoded, dict) and "do" in decoded else decoded


@breaks("order/result-before-next")
class PollsTooSoon(Bootstrap):
    """Posts results in another thread, and polls before a slow answer to a result."""

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
    """Opens a second poll while the first one waits."""

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
    """Posts an error after its response, unless the next event arrives at once."""

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
    """Exits after thirty events."""

    served = 0

    def invoke(self, event):
        super().invoke(event)
        self.served += 1
        if self.served == 30:
            os._exit(0)


@breaks("order/same-event-twice")
class SkipsRepeats(Bootstrap):
    """Treats an event with the same body as the last one as a repetition."""

    before = None

    def invoke(self, event):
        if event.body == self.before and b"same" in event.body:
            return
        self.before = event.body
        super().invoke(event)


@breaks("order/idle-between")
class ForgetsWhenIdle(Bootstrap):
    """Exits when it has been idle between two events."""

    finished = None

    def invoke(self, event):
        if self.finished and 0.45 < time.monotonic() - self.finished < 5:
            os._exit(0)
        super().invoke(event)
        self.finished = time.monotonic()
