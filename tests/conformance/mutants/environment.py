"""Faults in the handler's environment."""

import os
import sys
import time

from making import breaks
from reference import Bootstrap


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


lossy("environment/variables", "CutsVariables", "Truncates a value at its =.", cut_variables)
lossy(
    "environment/variables-non-ascii",
    "AsciiVariables",
    "Writes ? for non-ASCII characters in values.",
    ascii_variables,
)
lossy("environment/reserved", "HidesRegion", "Removes AWS_REGION.", lambda: os.environ.pop("AWS_REGION"))
lossy(
    "environment/credentials", "HidesKeys", "Removes AWS_SESSION_TOKEN.", lambda: os.environ.pop("AWS_SESSION_TOKEN")
)
lossy(
    "environment/runtime-api",
    "HidesApi",
    "Removes AWS_LAMBDA_RUNTIME_API.",
    lambda: os.environ.pop("AWS_LAMBDA_RUNTIME_API"),
)
lossy(
    "environment/absent",
    "SetsVariables",
    "Sets a variable that is not set.",
    lambda: os.environ.setdefault("CONFORMANCE_NOT_SET", ""),
)


@breaks("environment/state")
class LoadsEachTime(Bootstrap):
    """Reloads the handler at the third event."""

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
    type(
        "ReloadsAfterError",
        (Bootstrap,),
        {"__doc__": "Reloads the handler after an error.", "fail": reload_after("ConformanceError")},
    )
)
breaks("environment/state-after-unserialisable")(
    type(
        "ReloadsAfterTypeError",
        (Bootstrap,),
        {
            "__doc__": "Reloads the handler after a return value that cannot be serialised.",
            "fail": reload_after("TypeError"),
        },
    )
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
    type(
        "MuteStdout",
        (Bootstrap,),
        {"__doc__": "Discards standard output.", "invoke": muted("stdout", lambda e: b"printed-to" in e.body)},
    )
)
breaks("environment/stderr")(
    type(
        "MuteStderr",
        (Bootstrap,),
        {"__doc__": "Discards standard error.", "invoke": muted("stderr", lambda e: True)},
    )
)


@breaks("environment/print-non-ascii")
class AsciiOutput(Bootstrap):
    """Prints ? for non-ASCII characters."""

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
    """Drops a result when the deadline has just passed."""

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
    """Posts an error when a large response is refused."""

    def respond(self, event, body, content_type):
        headers = (("Content-Type", content_type), *self.delivery(event))
        answer = self.wire.call("POST", self.path(event, "response"), headers, body)
        if answer.status == 413 and len(body) > 6291556:
            return self.fail(event, ValueError("too large"))
        return self.posted(answer)
