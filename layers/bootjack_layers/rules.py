"""The rules of `layer check`, as data. The checks that find violations are in checks/, one file for each group.

A rule's title names the problem that its findings report. An error fails on Lambda, at run time or at publishing; a
warning may fail there; a note costs time or space.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

__all__ = ["RULES", "Finding", "Rule", "Severity"]

Severity = Literal["error", "warning", "note"]


class Rule(NamedTuple):
    """One rule; `source` says where the requirement comes from."""

    number: str
    severity: Severity
    title: str
    source: str


class Finding(NamedTuple):
    """One violation; `path` is empty when the whole layer is at fault, `message` says what to do."""

    rule: str
    layer: str
    path: str
    message: str

    @property
    def severity(self) -> Severity:
        """The severity of the rule."""
        return RULES[self.rule].severity


_TABLE = (
    Rule("L101", "error", "layer cannot be packed or extracted", "APPNOTE; bootjack_layers/archive.py"),
    Rule("L102", "error", "entry would be extracted outside /opt", "APPNOTE 4.4.17; Snyk, Zip Slip, 2018"),
    Rule("L103", "error", "backslash in a name", "aws-cli issue 8501; APPNOTE 4.4.17"),
    Rule("L104", "warning", "duplicate name in an archive", "guide 2682: the later entry wins, the earlier is lost"),
    Rule("L105", "warning", "archive records no file modes", "guide 4508: the bootstrap must be executable"),
    Rule("L201", "warning", "archive is over 50 MB", "guide 605: limit of a direct upload; larger goes through S3"),
    Rule("L202", "error", "layers are over 250 MB unzipped", "guide 605: all layers together"),
    Rule("L203", "error", "more than five layers", "guide 598"),
    Rule("L301", "error", "no bootstrap at the top level for a provided runtime", "guide 4508"),
    Rule("L302", "error", "bootstrap or extension is not executable", "guide 4508"),
    Rule("L303", "error", "bootstrap is neither a program nor a script that names an interpreter", "execve(2)"),
    Rule(
        "L304",
        "warning",
        "interpreter of the bootstrap may be missing",
        "guide 4508; provided images promise no Python",
    ),
    Rule("L305", "error", "Python package outside Python's import path", "guide 2778-2836"),
    Rule("L306", "error", "directory is for another version of the runtime", "guide 2778-2836"),
    Rule("L307", "warning", "nothing in the directories that the runtime searches", "guide 2778-2836, 4439-4440"),
    Rule("L401", "error", "file is readable by its owner only", "functions run as an unprivileged user"),
    Rule("L402", "error", "directory is accessible to its owner only", "functions run as an unprivileged user"),
    Rule("L403", "warning", "file in bin/ is not executable", "guide 4439: PATH includes /opt/bin"),
    Rule("L404", "warning", "mode is set-id, sticky or world-writable", "inode(7); /opt is read-only"),
    Rule("L501", "error", "binary is for another architecture", "gABI, e_machine"),
    Rule("L502", "error", "binary needs a newer glibc than the image has", "AL2: 2.26, AL2023: 2.34"),
    Rule("L503", "error", "shared library is missing", "ld.so(8); guide 4440: LD_LIBRARY_PATH"),
    Rule("L504", "error", "dynamic loader of a program is missing", "execve(2), PT_INTERP"),
    Rule("L505", "error", "extension module is for another Python version", "PEP 3149"),
    Rule("L506", "error", "binary is truncated or corrupt", "gABI"),
    Rule(
        "L507",
        "warning",
        "library may be missing from the image",
        "PEP 600; the libraries of provided images are not documented",
    ),
    Rule("L601", "warning", "bytecode is stale by its timestamp", "PEP 552; aws-lambda-builders issue 924"),
    Rule("L602", "error", "bytecode is not from the source beside it", "PEP 552: unchecked, the old code would run"),
    Rule(
        "L603", "note", "Python sources without bytecode", "/opt is read-only: measured, imports take twice as long"
    ),
    Rule("L604", "note", "bytecode is for another Python version", "PEP 3147"),
    Rule("L701", "warning", "file hides a different file of an earlier layer", "guide 2682: the later layer wins"),
    Rule("L702", "error", "file in one layer is a directory in another", "guide 2682"),
    Rule("L703", "warning", "several versions of a library", "guide 2682: directories are merged file by file"),
)
RULES: Final = {rule.number: rule for rule in _TABLE}
