"""`layer check`: all rules over all layers, and the report as people and programs read it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from .checks.archives import archives, sizes
from .checks.modes import modes
from .checks.native import native
from .checks.places import bootstraps, packages
from .checks.python import bytecode
from .checks.together import together
from .rules import RULES, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .checks import Target
    from .source import Layer

__all__ = ["REPORT_VERSION", "check", "lines", "report", "schema"]

REPORT_VERSION = 1
_CHECKS = (archives, sizes, bootstraps, packages, modes, native, bytecode, together)
_SHOWN = 20  # findings of one rule that are written out for people


def check(layers: Sequence[Layer], target: Target) -> list[Finding]:
    """What is wrong, in the order of the rules."""
    found = [finding for look in _CHECKS for finding in look(layers, target)]
    return sorted(found, key=lambda finding: finding.rule)


def report(layers: Sequence[Layer], target: Target, findings: Sequence[Finding]) -> dict[str, Any]:
    """For programs; `check-schema.json` describes it."""
    return {
        "version": REPORT_VERSION,
        "runtime": target.image.runtime,
        "architecture": target.arch,
        "layers": [
            {"path": layer.label, "files": len(layer.files), "unzipped": layer.unzipped, "zipped": layer.zipped}
            for layer in layers
        ],
        "findings": [
            {"severity": finding.severity, "title": RULES[finding.rule].title, **finding._asdict()}
            for finding in findings
        ],
    }


def schema() -> Any:
    """The JSON Schema of the report."""
    return json.loads(files("bootjack_layers").joinpath("check-schema.json").read_text(encoding="utf-8"))


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """For people: a line for each finding, as compilers write them."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
        if counts[finding.rule] <= _SHOWN:
            place = f"{finding.layer}: {finding.path}" if finding.path else finding.layer
            yield f"{finding.severity} {finding.rule}  {place} {finding.message}"
    for rule, count in counts.items():
        if count > _SHOWN:
            yield f"{RULES[rule].severity} {rule}  ... and {count - _SHOWN} more of these"
