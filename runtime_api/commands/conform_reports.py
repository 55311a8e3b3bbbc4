"""Where the reports and transcripts of `bootjack conform` go."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from runtime_api.conformance.reports import FORMATS, render

from .options import fail, give_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["ReportTarget", "check_folder", "read_targets", "write_report", "write_transcripts"]


class ReportTarget(NamedTuple):
    """One report: its format, and its file; None is stdout."""

    form: str
    file: Path | None


def read_targets(given: Sequence[str], badge: Path | None = None) -> list[ReportTarget]:
    """The reports that --report and --badge ask for; a usage error, before the run, for one that has no place."""
    targets = []
    for text in given or ("terminal",):
        form, _, name = text.partition("=")
        if form not in FORMATS:
            fail(f"--report {text}: the formats are {', '.join(FORMATS)}; FORMAT=FILE writes to a file")
        file = Path(name) if name else None
        if file is not None and not file.parent.is_dir():
            fail(f"--report {text}: no such directory: {file.parent}")
        targets.append(ReportTarget(form, file))
    if badge is not None:
        if not badge.parent.is_dir():
            fail(f"--badge {badge}: no such directory: {badge.parent}")
        targets.append(ReportTarget("badge", badge))
    return targets


def check_folder(folder: Path | None) -> None:
    """Create the folder for transcripts; a usage error, before the run, when that is impossible."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        give_up(f"--transcript {folder}: {(error.strerror or str(error)).lower()}")


def write_report(target: ReportTarget, findings: Findings) -> None:
    """Write a report; with `github` also the step summary, where GitHub asks for one."""
    text = render(target.form, findings, colour=target.file is None and _has_colours())
    if target.file is None:
        click.echo(text, nl=False)
    else:
        option = f"--badge {target.file}" if target.form == "badge" else f"--report {target.form}={target.file}"
        _write_file(option, target.file, text)
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if target.form == "github" and step_summary:
        _write_file(f"GITHUB_STEP_SUMMARY {step_summary}", Path(step_summary), render("markdown", findings), "a")


def write_transcripts(folder: Path | None, judgements: Sequence[Judgement]) -> None:
    """Write a file for each case that ran, named after its id."""
    from runtime_api.conformance.exchange import render

    if folder is None:
        return
    for judgement in judgements:
        if judgement.exchange:
            text = f"{judgement.verdict}  {judgement.case.id}\n{judgement.case.requirement}\n\n"
            text += f"{render(judgement.exchange)}\n"
            file = folder / f"{judgement.case.id.replace('/', '.')}.txt"
            _write_file(f"--transcript {file}", file, text)


def _has_colours() -> bool:
    """Whether stdout is a terminal that shows colours, and the user wants them (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write_file(what: str, file: Path, text: str, mode: str = "w") -> None:
    try:
        with file.open(mode, encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        give_up(f"{what}: {(error.strerror or str(error)).lower()}")
