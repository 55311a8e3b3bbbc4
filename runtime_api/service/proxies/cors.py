"""Which web pages may use a function URL, and how browsers are told (Fetch, 3.2, the CORS protocol).

A configuration is Lambda's `Cors`: the members that a caller has given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .messages import HttpAnswer, without

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .messages import HttpRequest

__all__ = ["admits", "answered", "preflight"]

ANY = "*"
PREFIX = "access-control-"


def admits(cors: Mapping[str, Any] | None, origin: str | None) -> bool:
    """Whether pages of this origin may use the URL; None is a request that does not say where it comes from."""
    allowed = [each.lower() for each in (cors or {}).get("AllowOrigins") or ()]
    return ANY in allowed or (origin is not None and origin.lower() in allowed)


def preflight(cors: Mapping[str, Any] | None, request: HttpRequest) -> HttpAnswer | None:
    """Return the answer to a browser's question whether a page may ask; None for any other request.

    Without a configuration the function is asked itself.
    """
    method, origin = request.value(f"{PREFIX}request-method"), request.value("origin")
    if not cors or request.method != "OPTIONS" or method is None or origin is None:
        return None
    fields = tuple(_shared(cors, origin))
    if admits(cors, origin):
        headers = request.value(f"{PREFIX}request-headers")
        fields += tuple(_permissions(cors, method, headers))
    return HttpAnswer(200, fields)


def answered(cors: Mapping[str, Any] | None, request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
    """Return an answer with what the configuration says about its readers, in place of what the function says."""
    if not cors:
        return answer
    origin, kept = request.value("origin"), without(answer.fields, PREFIX)
    added = [*_shared(cors, origin)]
    if admits(cors, origin) and origin is not None and cors.get("ExposeHeaders"):
        added.append(("Access-Control-Expose-Headers", ",".join(cors["ExposeHeaders"])))
    return answer._replace(fields=(*kept, *added))


def _shared(cors: Mapping[str, Any], origin: str | None) -> Iterator[tuple[str, str]]:
    """What every answer tells the browser."""
    to_all = ANY in (cors.get("AllowOrigins") or ()) and not cors.get("AllowCredentials")
    if not to_all:
        yield "Vary", "Origin"
    if origin is None or not admits(cors, origin):
        return
    yield "Access-Control-Allow-Origin", ANY if to_all else origin
    if cors.get("AllowCredentials"):
        yield "Access-Control-Allow-Credentials", "true"


def _permissions(cors: Mapping[str, Any], method: str, headers: str | None) -> Iterator[tuple[str, str]]:
    """What a page may ask: browsers take a star for a name where there are credentials, so they get names then."""
    for name, given, asked in (("Methods", "AllowMethods", method), ("Headers", "AllowHeaders", headers)):
        allowed = cors.get(given) or ()
        if ANY in allowed and cors.get("AllowCredentials"):
            allowed = (asked,) if asked else ()
        if allowed:
            yield f"Access-Control-Allow-{name}", ",".join(allowed)
    if "MaxAge" in cors:
        yield "Access-Control-Max-Age", str(cors["MaxAge"])
