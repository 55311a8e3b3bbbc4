"""Reports: a module for each format, each with a pure function from the findings to a text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from . import terminal

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Findings

__all__ = ["FORMATS", "render"]

FORMATS = ("terminal", "json", "junit", "github", "markdown", "html")


def render(form: str, findings: Findings, *, colour: bool = False) -> str:
    """The report in one of the FORMATS; only `terminal` has colours."""
    if form == "terminal":
        return terminal.render(findings, colour=colour)
    text: str = import_module(f"{__name__}.{form}").render(findings)
    return text
