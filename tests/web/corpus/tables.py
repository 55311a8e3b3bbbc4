"""All cases, by the part of a request that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import chunks, codings, corners, ends, field_lines, forms, hosts, lengths, request_lines

if TYPE_CHECKING:
    from .case import Case

__all__ = ["TABLES"]

TABLES: dict[str, list[Case]] = {
    "request lines": request_lines.CASES,
    "field lines": field_lines.CASES,
    "hosts": hosts.GOOD_AND_FOREIGN,
    "lengths": lengths.CASES,
    "codings": codings.CASES,
    "chunks": chunks.CASES,
    "forms": forms.CASES,
    "rules of hosts and versions": hosts.RULES,
    "ends of a connection": ends.CASES,
    "corners": corners.CASES,
}
