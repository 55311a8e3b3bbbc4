"""The builds of runtimes, as Lambda names them: here each runtime has one, which is what this machine has for it."""

from __future__ import annotations

import hashlib
import re
from functools import cache

__all__ = ["runtime_version", "runtime_version_arn"]


@cache
def runtime_version(runtime: str) -> str:
    """Return the version as the log shows it, such as python:3.12.v1."""
    family = re.split(r"[\d.]", runtime)[0]
    version = runtime.removeprefix(family).removeprefix(".").removesuffix(".x")
    return f"{family}:{version}.v1" if version else f"{family}:v1"


@cache
def runtime_version_arn(region: str, runtime: str) -> str:
    """Return the version's ARN, which belongs to no account."""
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"
