"""`layer check`: run all rules over all layers, and report the findings to people and to programs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from .checks.archives import archives, sizes
from .checks.bytecode import bytecode
from .checks.conflicts import conflicts
from .checks.layout import bootstraps, packages
from .checks.modes import modes
from .checks.native import native
from .rules import RULES, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .checks import Target
    from .source import Layer

__all__ = ["REPORT_VERSION", "check", "lines", "report", "schema"]

REPORT_VERSION = 1
_CHECKS = (archives, sizes, bootstraps, packages, modes, native, bytecode, conflicts)
_SHOWN = 20  # findings of one rule that `lines` writes out


def check(layers: Sequence[Layer], target: Target) -> list[Finding]:
    """All findings, in the order of the rules."""
    found = [finding for run in _CHECKS for finding in run(layers, target)]
    return sorted(found, key=lambda finding: finding.rule)


def report(layers: Sequence[Layer], target: Target, findings: Sequence[Finding]) -> dict[str, Any]:
    """The report for programs, as `check-schema.json` describes it."""
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
    return orjson.loads(files("bootjack_layers").joinpath("check-schema.json").read_bytes())


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """The report for people, one line for each finding."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
        if counts[finding.rule] <= _SHOWN:
            place = f"{finding.layer}: {finding.path}" if finding.path else finding.layer
            yield f"{finding.severity} {finding.rule}  {place} {finding.message}"
    for rule, count in counts.items():
        if count > _SHOWN:
            yield f"{RULES[rule].severity} {rule}  ... and {count - _SHOWN} more like these"
