"""What code and layers may take together once they are unzipped."""

from __future__ import annotations

from dataclasses import replace

from runtime_api.protocol.limits import CURRENT
from runtime_api.service.code_size import ArchiveSize, bytes_left, size_refusal

SMALL = replace(CURRENT, unzipped_bytes=1000)


def test_archives_up_to_the_limit_are_accepted() -> None:
    archives = [ArchiveSize("code.zip", 400), ArchiveSize("layer.zip", 600)]
    assert bytes_left(archives[:1], SMALL) == 600
    assert size_refusal(archives, SMALL) is None
    assert size_refusal([], SMALL) is None


def test_a_byte_more_is_refused_with_the_sum_and_its_parts() -> None:
    archives = [ArchiveSize("code.zip", 400), ArchiveSize("layer.zip", 601)]
    assert size_refusal(archives, SMALL) == (
        "code and layers come to 1,001 bytes unzipped (code.zip 400 + layer.zip 601), over Lambda's limit of 1,000; "
        "leave something out"
    )


def test_a_single_archive_is_not_listed_again() -> None:
    refusal = size_refusal([ArchiveSize("code.zip", 2_000_000)], SMALL)
    assert refusal is not None
    assert "come to 2,000,000 bytes unzipped, over" in refusal
