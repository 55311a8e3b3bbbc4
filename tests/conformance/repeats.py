"""The same subject again and again: a verdict depends neither on `--jobs` nor on how busy the machine is.

`python -m tests.conformance.repeats [--rounds N] [NAME | NAME:LANGUAGE:COMMAND]...` judges subjects at the highest
level with `bootjack conform`: N times with `--jobs` 1, 2, 8, and with the default beside a busy loop for each
processor. The verdicts have to be those of the subject's baseline, or those of the first round if it has none. A NAME
is one of this folder's subjects, all of them unless some are named; another bootstrap is given with the language of
its handler. `repeats.json` records the verdicts as the rounds go, and what differed in a round: started again, it
goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.conformance.matrix import HANDLER, HANDLERS, python
from tests.conformance.subjects import OURS, SUBJECTS, Subject, baseline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SETTINGS", "differences", "read_repeats", "unsteady"]

HERE = Path(__file__).parent
REPEATS = HERE / "repeats.json"
FIXED_NAMES = Subject(
    "fixed-names",
    "a bootstrap with fixed names in /tmp",
    "python",
    lambda: (python(), "-I", "-S", str(HERE / "reference" / "fixed_names.py")),
)
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "--jobs 1": ("--jobs", "1"),
    "--jobs 2": ("--jobs", "2"),
    "--jobs 8": ("--jobs", "8"),
    "busy": (),
}
LIMIT_S = 1800
Verdicts = dict[str, str]  # of the cases that are not OK


def read_repeats() -> dict[str, Any]:
    """The record: for each subject the verdicts to expect, and for each setting what differed in each round."""
    record: dict[str, Any] = json.loads(REPEATS.read_text()) if REPEATS.exists() else {}
    return record


def differences(first: Mapping[str, str], other: Mapping[str, str], sometimes: frozenset[str]) -> Verdicts:
    """What the other round says of the cases that are not judged alike, but for those that deviate sometimes."""
    cases = (first.keys() | other.keys()) - sometimes
    return {case: other.get(case, "OK") for case in sorted(cases) if first.get(case) != other.get(case)}


def unsteady(record: Mapping[str, Any]) -> list[str]:
    """What differed, in words."""
    return [
        f"{subject}, {setting}, round {number}: {case} {verdict}"
        for subject, kept in record.items()
        for setting, rounds in kept["rounds"].items()
        for number, different in enumerate(rounds, 1)
        for case, verdict in different.items()
    ]


def judged(subject: Subject, options: tuple[str, ...]) -> Verdicts:
    """The verdicts of one run that are not OK."""
    root = str(HERE.parents[1])
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "runtime_api.cli", "conform", "--level", "contract", "--handler", HANDLER]
        command += ["--env-var", f"PYTHONPATH={root}", "--report", f"json={report}", *options, "--"]
        subprocess.run(
            [*command, *subject.command()],
            cwd=HANDLERS / subject.language,
            env={**os.environ, "PYTHONPATH": root},
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
        judgements = json.loads(report.read_bytes())["judgements"]
    return {found["id"]: found["verdict"] for found in judgements if found["verdict"] != "OK"}


@contextmanager
def busy() -> Iterator[None]:
    """A busy loop for each processor while the block lasts."""
    loops = [subprocess.Popen((python(), "-c", "while True: pass")) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def repeat(subject: Subject, rounds: int, record: dict[str, Any]) -> None:
    """Judge the subject in the rounds that are not recorded yet."""
    kept = record.setdefault(subject.name, {"rounds": {}})
    known = baseline(subject)
    sometimes = frozenset(case for case, deviation in known.items() if deviation.sometimes)
    if known:
        kept["verdicts"] = {case: str(deviation.verdict) for case, deviation in known.items()}
    for setting, options in SETTINGS.items():
        done = kept["rounds"].setdefault(setting, [])
        while len(done) < rounds:
            with ExitStack() as stack:
                if setting == "busy":
                    stack.enter_context(busy())
                verdicts = judged(subject, options)
            done.append(differences(kept.setdefault("verdicts", verdicts), verdicts, sometimes))
            REPEATS.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
            print(f"{subject.name}, {setting}, round {len(done)}: {done[-1] or 'as before'}", flush=True)


def _subject(text: str) -> Subject:
    known = {subject.name: subject for subject in (OURS, FIXED_NAMES, *SUBJECTS)}
    if text in known:
        return known[text]
    name, _, rest = text.partition(":")
    language, _, command = rest.partition(":")
    if not command or not (HANDLERS / language).is_dir():
        raise argparse.ArgumentTypeError(f"{text}: give {', '.join(known)}, or NAME:LANGUAGE:COMMAND")
    return Subject(name, name, language, lambda: tuple(shlex.split(command)))


def main(arguments: list[str]) -> None:
    """Judge the subjects that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.repeats")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("subjects", nargs="*", type=_subject, default=[OURS, FIXED_NAMES, *SUBJECTS])
    given = parser.parse_args(arguments)
    record = read_repeats()
    for subject in given.subjects:
        repeat(subject, given.rounds, record)
    if found := unsteady(record):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1:])
