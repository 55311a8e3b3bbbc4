"""Reads the cases and the deviations."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.wire.servers import Settings

HERE = Path(__file__).parent
CASE_KEYS = {"id", "title", "cite", "env", "command", "fresh", "slow", "steps"}
DEVIATION_KEYS = {"id", "reason", "source", "cases", "not_run"}


class Case(NamedTuple):
    """One proof: a script, what it shows, and the source of the claim."""

    id: str
    title: str
    cite: str
    steps: list[dict[str, Any]]
    settings: Settings
    fresh: bool
    slow: bool


class Deviation(NamedTuple):
    """One thing RIE does otherwise: what is seen in which steps of which cases, and the cases that can not run."""

    id: str
    reason: str
    source: str
    cases: Mapping[str, Mapping[str, Mapping[str, Any]]]
    not_run: list[str]


def read_cases() -> list[Case]:
    """Every case of every file, in the files' order."""
    return [
        case_of(table)
        for path in sorted((HERE / "cases").glob("*.toml"))
        for table in tomllib.loads(path.read_text())["case"]
    ]


def case_of(table: dict[str, Any]) -> Case:
    """A case from its table; an unknown key is a mistake."""
    if unknown := set(table) - CASE_KEYS:
        raise ValueError(f"case {table.get('id')}: unknown keys {sorted(unknown)}")
    return Case(
        table["id"],
        table["title"],
        table["cite"],
        table["steps"],
        Settings(table.get("env", {}), table.get("command")),
        table.get("fresh", False),
        table.get("slow", False),
    )


def read_deviations() -> list[Deviation]:
    """Every known deviation of RIE."""
    tables = tomllib.loads((HERE / "deviations.toml").read_text())["deviation"]
    if unknown := {key for table in tables for key in table} - DEVIATION_KEYS:
        raise ValueError(f"deviations: unknown keys {sorted(unknown)}")
    return [
        Deviation(table["id"], table["reason"], table["source"], table.get("cases", {}), table.get("not_run", []))
        for table in tables
    ]


def instead_of(case: str, deviations: list[Deviation]) -> dict[str, dict[str, Any]]:
    """What the deviations say of a case, step by step; several may meet in one step."""
    steps: dict[str, dict[str, Any]] = {}
    for deviation in deviations:
        for step, seen in deviation.cases.get(case, {}).items():
            there = steps.setdefault(step, {})
            headers = {**there.get("headers", {}), **seen.get("headers", {})}
            there.update(seen)
            if headers:
                there["headers"] = headers
    return steps
