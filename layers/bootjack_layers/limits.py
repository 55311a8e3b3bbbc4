"""Lambda's limits for layers, each with its source. `runtime_api` has its own copy; a test compares the two."""

from __future__ import annotations

__all__ = ["DESCRIPTION", "LAYERS", "LICENSE", "RUNTIMES", "UNZIPPED_BYTES", "ZIPPED_BYTES"]

LAYERS = 5  # of one function: guide 598
ZIPPED_BYTES = 52_428_800  # for a direct upload; larger archives go through S3: guide 605
UNZIPPED_BYTES = 262_144_000  # package and all layers together: guide 605
RUNTIMES = 15  # compatible runtimes that a version may name (botocore, Lambda model)
LICENSE = 512  # characters (same)
DESCRIPTION = 256  # characters (same)
