"""Faults in the handling of connections."""

import time

from making import hang, wire
from reference import Lost, Wire


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
    """Every second call leaves a connection open."""

    calls = 0
    lost = ()

    def call(self, method, path, headers=(), body=None):
        self.calls += 1
        if self.calls % 2 == 0:
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
            return (
                Wire.call(self, method, path, headers, body)
                if method == "GET"
                else self.exchange(method, path, headers, body)
            )
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


wire("connections/close-announced", NoClose, "Polls on a connection that the server closes.")
wire("connections/close-after-event", CloseEvents, "Posts on a connection that the server closes.")
wire("connections/closed-when-idle", NoRetry, "Does not reconnect when an idle connection was closed.")
wire("connections/closed-each-time", FewConnections, "Opens at most eight connections.")
wire("connections/kept", NewEachTime, "Opens a connection for each call.")
wire("connections/none-leaked", Leaks, "Leaks connections.")
wire("connections/long-wait", TimesOut, "Gives up a poll after five seconds.")
wire("connections/reset-when-waiting", HangsWhenReset, "Hangs when a connection is reset.")
wire("connections/closed-when-waiting", HangsWhenClosed, "Hangs when the connection of a poll is closed.")
wire("connections/refused", TriesForEver, "Tries to reconnect for ever.")
wire("connections/refused-at-start", WaitsForApi, "Waits for the Runtime API for ever.")
wire("connections/reset-before-accepted", HangsWhenPostLost, "Hangs when a result gets no answer.")
