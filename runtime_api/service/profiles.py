"""Profiles: what Lambda allows at a certain time, as one value (`serve --limits`)."""

from __future__ import annotations

from typing import NamedTuple

from runtime_api.protocol import limits

from . import runtimes

__all__ = ["CURRENT", "GUIDE_2019", "PROFILES", "Profile"]


class Profile(NamedTuple):
    """Numbers that limit something, and runtimes that functions may have."""

    limits: limits.Limits
    runtimes: runtimes.RuntimeRules


CURRENT = Profile(limits.CURRENT, runtimes.TODAY)
GUIDE_2019 = Profile(limits.GUIDE_2019, runtimes.GUIDE_2019)

PROFILES = dict(zip(limits.PROFILE_NAMES, (CURRENT, GUIDE_2019), strict=True))
