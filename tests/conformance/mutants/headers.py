"""Faults in reading headers."""

import re

from making import with_wire
from reference import Wire


def header_names(*forms):
    """Knows only these spellings of the id's header."""
    right = "Lambda-Runtime-Aws-Request-Id"
    known = {"exact": right, "lower": right.lower(), "upper": right.upper()}
    accepted = {known[form] for form in forms}

    def header(self, line):
        name, value = Wire.header(self, line)
        if name == right.lower() and line.partition(":")[0] not in accepted:
            return "x-unknown", value
        return name, value

    return header


def other_header(change):
    def header(self, line):
        return change(*Wire.header(self, line), line)

    return header


def refuse(test):
    """Dies of some header lines."""

    def header(self, line):
        name, value = Wire.header(self, line)
        if test(name, value, line):
            raise ValueError(line)
        return name, value

    return header


def read_head(change):
    """Does something with the whole head: change(list of lines)."""

    def read_head(self):
        status, lines = self.status(self.line()), []
        while line := self.line():
            lines.append(line)
        headers = {}
        for name, value in map(self.header, change(lines)):
            headers.setdefault(name, value)
        return status, headers

    return read_head


def too_many(lines):
    if len(lines) > 10:
        raise ValueError("too many headers")
    return lines


def no_repeats(lines):
    names = [line.partition(":")[0] for line in lines]
    if names.count("X-Twice") > 1:
        raise ValueError("twice")
    return lines


def id_first(lines):
    if any("Aws-Request-Id" in line for line in lines) and "Aws-Request-Id" not in lines[0]:
        return [line for line in lines if "Aws-Request-Id" not in line]
    return lines


with_wire(
    "headers/lower-case",
    "NotLower",
    "Recognises header names in the documented and in upper case.",
    header=header_names("exact", "upper"),
)
with_wire(
    "headers/upper-case",
    "NotUpper",
    "Recognises header names in the documented and in lower case.",
    header=header_names("exact", "lower"),
)
with_wire(
    "headers/mixed-case",
    "ExactNames",
    "Recognises header names only in their documented spelling.",
    header=header_names("exact"),
)


def after_space(self, line):
    name, _, value = line.partition(": ")
    return name.lower(), value.strip(" \t")


def one_space(self, line):
    name, _, value = line.partition(":")
    return name.lower(), value[1:].rstrip() if value[:1] in (" ", "\t") else value.rstrip()


def spaces_only(self, line):
    name, _, value = line.partition(":")
    return name.lower(), value.strip(" ")


def not_behind(self, line):
    name, _, value = line.partition(":")
    value = value.lstrip(" \t")
    return name.lower(), value if "Id" in name else value.strip()


with_wire("headers/no-space", "WantsASpace", "Splits headers at colon and space.", header=after_space)
with_wire("headers/many-spaces", "OneSpace", "Strips only one space.", header=one_space)
with_wire("headers/tab", "SpacesOnly", "Strips spaces, but not tabs.", header=spaces_only)
with_wire("headers/space-behind", "KeepsSpaceBehind", "Keeps white space after a request id.", header=not_behind)
with_wire(
    "headers/any-order", "IdFirst", "Finds the request id only in the first line.", read_head=read_head(id_first)
)
with_wire("headers/unknown", "KnownOnly", "Refuses unknown headers.", header=refuse(lambda name, *_: "new" in name))
with_wire("headers/many", "FewHeaders", "Reads at most ten headers.", read_head=read_head(too_many))
with_wire(
    "headers/long-value",
    "ShortLines",
    "Reads lines of at most 2 KB.",
    header=refuse(lambda _n, _v, line: len(line) > 2048),
)
with_wire(
    "headers/empty-value",
    "NoEmptyValue",
    "Exits on an empty header value.",
    header=refuse(lambda _n, value, _l: not value),
)
with_wire(
    "headers/non-ascii",
    "AsciiHeads",
    "Exits on a head that is not ASCII.",
    header=refuse(lambda _n, _v, line: not line.isascii()),
)
with_wire("headers/repeated", "NoRepeats", "Exits on a repeated header.", read_head=read_head(no_repeats))


class SimilarNames(Wire):
    def read_head(self):
        status, headers = Wire.read_head(self)
        for name in headers:
            if name.endswith("lambda-runtime-aws-request-id"):
                headers["lambda-runtime-aws-request-id"] = headers[name]
        return status, headers


class SearchesText(Wire):
    def read_head(self):
        status, headers = Wire.read_head(self)
        found = re.search("Aws-Request-Id: (.*)", headers.get("x-note", ""))
        if found:
            headers["lambda-runtime-aws-request-id"] = found[1]
        return status, headers


with_wire(
    "headers/similar-name",
    "TakesSimilarNames",
    "Compares only the ends of header names.",
    read_head=SimilarNames.read_head,
)
with_wire(
    "headers/id-in-a-value",
    "SearchesHeads",
    "Searches the whole head for the request id.",
    read_head=SearchesText.read_head,
)
with_wire(
    "headers/content-length-name",
    "ExactLength",
    "Recognises the Content-Length of an event only in its usual spelling.",
    header=other_header(
        lambda name, value, line: (
            ("x", value) if line.startswith("content-length") and value != "16" else (name, value)
        )
    ),
)
