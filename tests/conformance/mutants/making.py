"""How mutants are made: a class, or a change of one step of the reference."""

import json
import re
import signal
import threading
import time

from reference import Bootstrap, Wire

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


def wire(case, base, doc):
    breaks(case)(type(base.__name__, (Bootstrap,), {"__doc__": doc, "wire_class": base}))
