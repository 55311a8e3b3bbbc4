"""Faults after a refusal, and faults of the process."""

import os
import signal
import socket
import time

from making import again, breaks, end, hang, on_status, wire
from reference import Bootstrap, Event, Lost, Wire


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


with_refused("refusals/next-500", "Retries500", "Polls again after each 500, for ever.", tries_500)
with_refused("refusals/next-500-fails", "Exits0", "Exits with 0 after a 500.", lambda _self, _answer: os._exit(0))
with_refused("refusals/next-403", "Retries403", "Polls again after each 403, for ever.", tries_403)
with_refused("refusals/next-500-is-no-event", "Takes500", "Reads a 500 as an event.", takes_it(500))
with_refused("refusals/next-204-is-no-event", "Takes204", "Reads a 204 as an event.", takes_it(204))

for _status in (413, 400, 403, 410):
    on_status(
        f"refusals/response-{_status}-once", f"Again{_status}", f"Posts again after a {_status}.", _status, again
    )
    on_status(f"refusals/response-{_status}-goes-on", f"EndsAt{_status}", f"Exits after a {_status}.", _status, end)
on_status("refusals/response-500-once", "Again500", "Posts again after a 500.", 500, again)
on_status("refusals/response-500-ends", "GoesOnAt500", "Continues after a 500.", 500, lambda *_args: None)


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


wire("refusals/cut-body", TakesCutBodies, "Accepts a truncated body.")
wire("refusals/cut-head", TakesCutHeads, "Accepts a truncated head.")
wire("refusals/cut-chunks", TakesCutChunks, "Accepts truncated chunks.")
wire("refusals/garbage", HangsAtGarbage, "Hangs on an answer that is not HTTP.")


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


wire("process/waits-idly", Spins, "Busy-waits for its first event.")
wire("process/idle-after-work", SpinsLater, "Busy-waits for its second event.")
