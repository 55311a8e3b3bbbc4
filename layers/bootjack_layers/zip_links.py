"""Read where an archive's links point, and refuse any that would resolve to a path outside the target directory."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from .errors import entry_error, shown
from .zip_content import content

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zipfile import ZipFile

    from .zip_directory import Ceilings
    from .zip_plan import Node

__all__ = ["refuse_escapes", "resolve_links"]

_MOST_HOPS = 40  # MAXSYMLINKS of Linux


def resolve_links(bundle: ZipFile, plan: dict[str, Node], ceilings: Ceilings) -> dict[str, Node]:
    """The plan with the destination of every link filled in."""
    links = {
        name: _destination(bundle, name, node, ceilings) for name, node in plan.items() if node.kind == stat.S_IFLNK
    }
    refuse_escapes(links, ceilings.path_bytes)
    return {name: node._replace(destination=links.get(name, "")) for name, node in plan.items()}


def _destination(bundle: ZipFile, name: str, node: Node, ceilings: Ceilings) -> str:
    if not 0 < node.size <= ceilings.path_bytes:
        what = f"is a link to a path of {node.size} bytes; make it 1 to {ceilings.path_bytes} bytes long"
        raise entry_error(name, what)
    destination = b"".join(content(bundle, name, node)).decode(errors="replace")
    if destination.startswith("/") or "\0" in destination or "\ufffd" in destination:
        raise entry_error(name, f"is a link to {shown(destination)}; make it relative and UTF-8")
    return destination


def refuse_escapes(links: Mapping[str, str], path_bytes: int) -> None:
    """Follow each link, of which `links` has the destination, as the kernel will once all of them exist.

    `ends` caches where each one leads.
    """
    ends: dict[str, str] = {}

    def follow(link: str, hops: int) -> str:
        if link in ends:
            return ends[link]
        if hops > _MOST_HOPS:
            raise entry_error(link, "is in a loop, or in a chain too long to follow; link to the file directly")
        at = link.rpartition("/")[0]
        for part in links[link].split("/"):
            if part == ".." and not at:
                raise entry_error(link, f"points outside the archive, to {shown(links[link])}; point it inside")
            if part == "..":
                at = at.rpartition("/")[0]
            elif part not in ("", "."):
                at = f"{at}/{part}" if at else part
                at = follow(at, hops + 1) if at in links else at
            if len(at) > path_bytes:
                raise entry_error(link, "resolves to a path that is too long; shorten it")
        ends[link] = at
        return at

    for link in links:
        follow(link, 1)
