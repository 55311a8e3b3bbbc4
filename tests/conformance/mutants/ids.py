"""Faults with request ids and invocation ids."""

import re

from making import breaks
from reference import Bootstrap


@breaks("ids/own-id-each-time")
class ThirdIdStale(Bootstrap):
    """Posts the third result under the second request id."""

    ids = ()

    def request_id(self, event):
        own = super().request_id(event)
        if own not in self.ids:
            self.ids += (own,)
        return self.ids[1] if len(self.ids) == 3 else own


@breaks("ids/letter-case")
class LowersIds(Bootstrap):
    """Converts request ids to lower case."""

    def request_id(self, event):
        return super().request_id(event).lower()


@breaks("ids/no-uuid")
class WantsUuids(Bootstrap):
    """Drops everything but letters, digits and hyphens from a request id."""

    def request_id(self, event):
        return re.sub(r"[^0-9a-zA-Z-]", "", super().request_id(event))


@breaks("ids/long")
class CutsIds(Bootstrap):
    """Truncates request ids at 64 characters."""

    def request_id(self, event):
        return super().request_id(event)[:64]


@breaks("ids/digits-only")
class NumbersIds(Bootstrap):
    """Reads a request id of digits as a number."""

    def request_id(self, event):
        own = super().request_id(event)
        return str(int(own)) if own.isdigit() and len(own) < 20 else own


@breaks("ids/invocation-id-returned")
class KeepsInvocationId(Bootstrap):
    """Does not return the invocation id."""

    def delivery(self, event):
        return ()


@breaks("ids/invocation-id-not-kept")
class StaleInvocationId(Bootstrap):
    """Returns the last invocation id that it received."""

    last = ()

    def delivery(self, event):
        self.last = super().delivery(event) or self.last
        return self.last


@breaks("ids/invocation-id-apart")
class InvocationIdInPath(Bootstrap):
    """Uses the invocation id as the request id when it starts with ffff."""

    def request_id(self, event):
        given = event.get("Lambda-Runtime-Invocation-Id") or ""
        return given if given.startswith("ffff") else super().request_id(event)


@breaks("errors/invocation-id")
class ErrorWithoutInvocationId(Bootstrap):
    """Returns the invocation id only with responses."""

    def fail(self, event, error):
        event.headers.pop("lambda-runtime-invocation-id", None)
        super().fail(event, error)
