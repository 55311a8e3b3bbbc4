"""The baselines of `bootjack conform`: the one that a run is compared with, and the one that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import fail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runtime_api.conformance.baseline import Known
    from runtime_api.conformance.verdicts import Judgement

__all__ = ["known_deviations", "write_baseline"]


def known_deviations(
    baseline: Path | None, to_write: Path | None, every_case: frozenset[str]
) -> dict[str, Known] | None:
    """The known deviations by case id, of the file to be written if no other is named; None when nothing is known.

    CannotRun for a mistake in a file; a usage error, before the run, for a file that cannot be written.
    """
    from runtime_api.conformance.baseline_file import read_baseline

    if to_write is not None and not to_write.parent.is_dir():
        fail(f"--write-baseline {to_write}: no such directory: {to_write.parent}")
    file = baseline or (to_write if to_write is not None and to_write.exists() else None)
    return None if file is None else read_baseline(file, every_case)


def write_baseline(
    file: Path, subject: str, judgements: Sequence[Judgement], known: Mapping[str, Known]
) -> dict[str, Known]:
    """Write the baseline after a run, and return it."""
    from runtime_api.conformance.baseline import updated
    from runtime_api.conformance.baseline_file import written_baseline

    after = updated(judgements, known)
    try:
        file.write_bytes(written_baseline(subject, after))
    except OSError as error:
        fail(f"--write-baseline {file}: {(error.strerror or str(error)).lower()}")
    return after
