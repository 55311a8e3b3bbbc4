"""How to make a mutant: a class, or a change to one step of the reference."""

import json
import re
import signal
import threading
import time

from reference import Bootstrap, Wire

MUTANTS = {}


def breaks(case):
    """Register a mutant that breaks the requirement of a case (its id without the side)."""

    def note(cls):
        cls.case = f"runtime/{case}"
        MUTANTS[name_of(cls)] = cls
        return cls

    return note


def name_of(cls):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()


def with_wire(case, name, doc, **methods):
    """A mutant with a fault in its HTTP client."""
    wire = type(f"{name}Wire", (Wire,), methods)
    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "wire_class": wire}))


def on_result(case, name, doc, change):
    """A mutant that changes the handler's return value: change(result) -> result."""

    def encode(self, result):
        return Bootstrap.encode(self, change(result))

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "encode": encode}))


def on_text(case, name, doc, change):
    """A mutant that changes the text of a response: change(text) -> text."""

    def encode(self, result):
        body, content_type = Bootstrap.encode(self, result)
        return change(body.decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass"), content_type

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "encode": encode}))


def on_event(case, name, doc, test, action=None):
    """A mutant that exits, or acts, when an event passes a test."""

    def invoke(self, event):
        if test(event):
            return (action or (lambda me, _event: me.give_up("unsupported event")))(self, event)
        return Bootstrap.invoke(self, event)

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "invoke": invoke}))


def on_status(case, name, doc, status, action):
    """A mutant that acts when its response is answered with a status."""

    def post(self, event, what, headers, body):
        answer = self.wire.call("POST", self.path(event, what), headers, body)
        if answer.status == status:
            return action(self, event, what, headers, body)
        return self.posted(answer)

    def respond(self, event, body, content_type):
        post(self, event, "response", (("Content-Type", content_type),), body)

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "respond": respond}))


def on_error_status(case, name, doc, status, action):
    """A mutant that acts when its error is answered with a status."""

    def fail(self, event, error):
        kind = self.error_type(error)
        body = self.error_body(error, kind)
        answer = self.wire.call("POST", self.path(event, "error"), self.error_headers(kind), body)
        if answer.status == status:
            return action(self, event, "error", self.error_headers(kind), body)
        return self.posted(answer)

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "fail": fail}))


def on_context(case, name, doc, change):
    """A mutant that changes the context: change(bootstrap, event, context)."""

    def context(self, event):
        made = Bootstrap.context(self, event)
        change(self, event, made)
        return made

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "context": context}))


def on_error(case, name, doc, change):
    """A mutant that changes its error documents: change(document)."""

    def error_document(self, error, kind):
        document = Bootstrap.error_document(self, error, kind)
        change(document)
        return document

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "error_document": error_document}))


def on_init_error(case, name, doc, change):
    """A mutant that changes its init error documents: change(document)."""

    def post_init_error(self, error):
        kind = self.init_error_type(error)
        document = self.error_document(error, kind)
        change(document)
        self.wire.call("POST", self.init_error_path(), self.error_headers(kind), json.dumps(document).encode())

    return breaks(case)(type(name, (Bootstrap,), {"__doc__": doc, "post_init_error": post_init_error}))


def hang(*_args):
    """Wait for ever without using the CPU."""
    while True:
        signal.pause() if threading.current_thread() is threading.main_thread() else time.sleep(3600)


def end(self, *_args):
    self.give_up("refused")


def again(self, event, what, headers, body):
    self.wire.call("POST", self.path(event, what), headers, body)


def wire(case, base, doc):
    breaks(case)(type(base.__name__, (Bootstrap,), {"__doc__": doc, "wire_class": base}))
