"""en_US.UTF-8, which LANG names on Lambda, on a machine that lacks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.sandbox import Launch
from runtime_api.sandbox.locales import lacks_en_us, locale_arguments, with_locale


def _launch(**variables: str) -> Launch:
    return Launch("runtime", ("/bin/true",), Path("/"), variables)


def _locales(directory: Path, *names: str, archive: bytes | None = None) -> Path:
    for name in names:
        (directory / name).mkdir()
    if archive is not None:
        (directory / "locale-archive").write_bytes(archive)
    return directory


@pytest.mark.parametrize(
    ("names", "archive", "lacks"),
    [
        (("C.utf8",), None, True),
        (("C.utf8",), b"", True),
        (("C.utf8",), b"\0de_DE.utf8\0", True),
        (("C.utf8",), b"\0de_DE.utf8\0en_US.utf8\0", False),
        (("C.utf8", "en_US.utf8"), None, False),
        ((), None, False),
    ],
)
def test_the_locale_is_looked_for_where_glibc_does(
    tmp_path: Path, names: tuple[str, ...], archive: bytes | None, lacks: bool
) -> None:
    assert lacks_en_us(_locales(tmp_path, *names, archive=archive)) is lacks


def test_a_plain_process_gets_the_locale_that_there_is(tmp_path: Path) -> None:
    lacking = _locales(tmp_path, "C.utf8")
    assert with_locale(_launch(LANG="en_US.UTF-8"), lacking).variables["LC_ALL"] == "C.UTF-8"


@pytest.mark.parametrize("chosen", [{"LANG": "C"}, {}, {"LANG": "en_US.UTF-8", "LC_CTYPE": "C"}])
def test_a_locale_that_the_user_has_chosen_is_kept(tmp_path: Path, chosen: dict[str, str]) -> None:
    launch = _launch(**chosen)
    assert with_locale(launch, _locales(tmp_path, "C.utf8")) == launch


def test_nothing_is_changed_where_nothing_lacks(tmp_path: Path) -> None:
    complete = _locales(tmp_path, "C.utf8", "en_US.utf8")
    launch = _launch(LANG="en_US.UTF-8")
    assert with_locale(launch, complete) == launch
    assert list(locale_arguments(complete)) == []
