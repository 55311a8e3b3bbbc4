"""The temporary directory of a plain process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime_api.sandbox import Launch
from runtime_api.sandbox.own_tmp import OwnTmp


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the directories are made."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def _launch(**variables: str) -> Launch:
    return Launch("runtime", ("/bin/true",), Path("/"), variables)


def _named(tmp: OwnTmp) -> Path:
    return Path(tmp.given(_launch()).variables["TMPDIR"])


def test_the_processes_of_an_environment_share_a_directory_and_two_environments_do_not() -> None:
    one, other = OwnTmp(), OwnTmp()
    assert _named(one) == _named(one) != _named(other)
    assert _named(one).stat().st_mode & 0o777 == 0o700


def test_it_goes_with_all_that_is_in_it(place: Path) -> None:
    tmp = OwnTmp()
    (_named(tmp) / "deep" / "deeper").mkdir(parents=True)
    asyncio.run(tmp.remove())
    assert list(place.iterdir()) == []


def test_an_empty_one_goes_and_one_that_was_never_made_is_no_error(place: Path) -> None:
    used, unused = OwnTmp(), OwnTmp()
    _named(used)
    asyncio.run(used.remove())
    asyncio.run(unused.remove())
    assert list(place.iterdir()) == []


def test_a_directory_that_the_user_has_chosen_stays(place: Path) -> None:
    launch = _launch(TMPDIR="/elsewhere")
    assert OwnTmp().given(launch) == launch
    assert list(place.iterdir()) == []


def test_a_process_starts_without_one_where_none_can_be_made(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(place / "missing"))
    launch = _launch()
    assert OwnTmp().given(launch) == launch
