"""The rules of `layer check`, as data: the law stands here, the looking in checks/."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

__all__ = ["RULES", "Finding", "Rule", "Severity"]

Severity = Literal["error", "warning", "note"]


class Rule(NamedTuple):
    """One rule. An error fails at run time or at publishing, a warning may, a note costs time or bytes."""

    number: str
    severity: Severity
    title: str
    source: str


class Finding(NamedTuple):
    """Where a rule is broken, how, and what to do; `path` is empty when it is the layer as a whole."""

    rule: str
    layer: str
    path: str
    message: str

    @property
    def severity(self) -> Severity:
        """That of its rule."""
        return RULES[self.rule].severity


_TABLE = (
    Rule("L101", "error", "the archive can be extracted whole", "APPNOTE; layers/archive.py"),
    Rule("L102", "error", "no entry leaves /opt", "APPNOTE 4.4.17; Snyk, Zip Slip, 2018"),
    Rule("L103", "error", "no name has a backslash", "aws-cli issue 8501; APPNOTE 4.4.17"),
    Rule("L104", "warning", "no name is there twice", "guide 2682: the later wins, the earlier is lost"),
    Rule("L105", "warning", "the archive tells modes", "guide 4508: what is executable has to be marked so"),
    Rule("L201", "warning", "at most 50 MB zipped", "guide 605: direct upload; more goes by S3"),
    Rule("L202", "error", "at most 250 MB unzipped, all layers together", "guide 605"),
    Rule("L203", "error", "at most five layers", "guide 598"),
    Rule("L301", "error", "provided runtimes get a bootstrap, at the top", "guide 4508"),
    Rule("L302", "error", "bootstrap and extensions are executable", "guide 4508"),
    Rule("L303", "error", "a bootstrap is a program, or a script that names one", "execve(2)"),
    Rule(
        "L304", "warning", "the interpreter of a bootstrap is there", "guide 4508; provided images promise no Python"
    ),
    Rule("L305", "error", "Python packages lie where Python looks", "guide 2778-2836"),
    Rule("L306", "error", "a version's folder is that of the runtime's version", "guide 2778-2836"),
    Rule("L307", "warning", "something lies where the runtime looks", "guide 2778-2836, 4439-4440"),
    Rule("L401", "error", "files can be read by others", "the function runs as a user who owns nothing"),
    Rule("L402", "error", "directories can be entered by others", "the function runs as a user who owns nothing"),
    Rule("L403", "warning", "what lies in bin/ is executable", "guide 4439: PATH has /opt/bin"),
    Rule("L404", "warning", "no mode is set-id, sticky, or writable by all", "inode(7); /opt is read-only anyway"),
    Rule("L501", "error", "binaries are for the function's architecture", "gABI, e_machine"),
    Rule("L502", "error", "binaries ask for no newer C library than the image has", "AL2: 2.26, AL2023: 2.34"),
    Rule("L503", "error", "libraries that binaries need are there", "ld.so(8); guide 4440: LD_LIBRARY_PATH"),
    Rule("L504", "error", "the loader that a program names is there", "execve(2), PT_INTERP"),
    Rule("L505", "error", "extension modules are for the runtime's Python", "PEP 3149"),
    Rule("L506", "error", "binaries are whole", "gABI"),
    Rule(
        "L507",
        "warning",
        "libraries are there that an image may lack",
        "PEP 600; no list of provided images is public",
    ),
    Rule("L601", "warning", "no bytecode is stale by its time", "PEP 552; aws-lambda-builders issue 924"),
    Rule("L602", "error", "no bytecode belongs to another source", "PEP 552: unchecked, the old code would run"),
    Rule("L603", "note", "Python sources have bytecode", "/opt is read-only: measured, imports take twice as long"),
    Rule("L604", "note", "bytecode is for the runtime's Python", "PEP 3147"),
    Rule("L701", "warning", "no layer hides a file of another", "guide 2682: the later layer wins"),
    Rule("L702", "error", "no file of a layer is a directory of another", "guide 2682"),
    Rule("L703", "warning", "a library comes in one version", "guide 2682: folders are merged file by file"),
)
RULES: Final = {rule.number: rule for rule in _TABLE}
