"""Faults in the reporting of handler errors."""

import os

from making import again, breaks, end, on_error, on_error_status
from reference import Bootstrap


@breaks("errors/posted")
class ErrorsAsResponses(Bootstrap):
    """Posts an error to /response."""

    def path(self, event, what):
        return super().path(event, "response")


@breaks("errors/goes-on")
class EndsAfterError(Bootstrap):
    """Exits after an error."""

    def fail(self, event, error):
        super().fail(event, error)
        if str(error) == "it broke":
            self.give_up("an error")


on_error("errors/message", "NoMessage", "Omits errorMessage.", lambda d: d.pop("errorMessage", None))
on_error("errors/type", "NoType", "Omits errorType.", lambda d: d.pop("errorType"))
on_error(
    "errors/stack-trace", "NoTrace", "Names the stack trace `trace`.", lambda d: d.update(trace=d.pop("stackTrace"))
)


@breaks("errors/type-header")
class NoErrorHeader(Bootstrap):
    """Sends errors without an error type header."""

    def error_headers(self, kind):
        return (("Content-Type", "application/json"),) if kind.startswith("Function") else super().error_headers(kind)


@breaks("errors/type-category")
class NoCategory(Bootstrap):
    """Sends an error type without a category."""

    def error_type(self, error):
        return type(error).__name__


def messages(test, other):
    def change(document):
        if test(document["errorMessage"]):
            document["errorMessage"] = other(document["errorMessage"])

    return change


on_error(
    "errors/message-non-ascii",
    "AsciiMessages",
    "Writes ? for non-ASCII characters.",
    messages(lambda m: not m.isascii(), lambda m: m.encode("ascii", "replace").decode()),
)
on_error(
    "errors/message-quotes", "NoQuotes", "Drops quotes.", messages(lambda m: '"' in m, lambda m: m.replace('"', ""))
)
on_error(
    "errors/message-lines",
    "OneLine",
    "Keeps only the first line of a message.",
    messages(lambda m: "\n" in m, lambda m: m.split("\r")[0]),
)
on_error(
    "errors/message-long",
    "ShortMessages",
    "Keeps only 1,000 characters of a message.",
    lambda d: d.update(errorMessage=d["errorMessage"][:1000]),
)


@breaks("errors/message-empty")
class NeedsMessages(Bootstrap):
    """Posts an empty document for an exception without a message."""

    def error_document(self, error, kind):
        return super().error_document(error, kind) if str(error) else {}


@breaks("errors/unserialisable")
class PostsRepr(Bootstrap):
    """Posts the repr of an object that cannot be serialised."""

    def encode(self, result):
        return super().encode(str(result) if type(result) is object else result)


@breaks("errors/unserialisable-goes-on")
class DiesUnserialisable(Bootstrap):
    """Exits after a return value that cannot be serialised."""

    def fail(self, event, error):
        super().fail(event, error)
        if isinstance(error, TypeError):
            self.give_up(error)


@breaks("errors/several")
class FiveErrors(Bootstrap):
    """Exits after five errors."""

    errors = 0

    def fail(self, event, error):
        super().fail(event, error)
        self.errors += 1
        if self.errors == 5:
            self.give_up("too many errors")


on_error_status("errors/refused-once", "ErrorAgain", "Posts an error again after a 403.", 403, again)
on_error_status("errors/refused-goes-on", "ErrorRefusedEnds", "Exits when an error is refused.", 403, end)
on_error_status(
    "errors/answered-500", "ErrorGoesOn", "Continues after a 500 answer to an error.", 500, lambda *_a: None
)


@breaks("errors/exit")
class PostsAtExit(Bootstrap):
    """Posts an error when the handler ends the process, and keeps running."""

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
    """Exits with 1 whatever the handler's exit code is."""

    def invoke(self, event):
        true_exit = os._exit
        if b'"exit"' in event.body:
            os._exit = lambda _code: true_exit(1)
        super().invoke(event)
