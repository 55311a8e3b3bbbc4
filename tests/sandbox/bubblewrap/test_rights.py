"""What a sandbox says when the kernel does not let it give up rights, and what it does not mind."""

from __future__ import annotations

import errno

import pytest

from runtime_api.sandbox.bubblewrap import rights


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that refuses every system call."""
    monkeypatch.setattr(rights, "call_function", lambda _address, _arguments: -1)


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            errno.EDQUOT,
            "disk quota exceeded; sysctl kernel.keys.maxkeys limits them for each user",
        ),
        (errno.ENOMEM, "cannot allocate memory"),
    ],
)
def test_a_user_who_has_too_many_keys_is_told_so(number: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "_errno_of_joining", lambda _number: number)
    with pytest.raises(SystemExit) as ended:
        rights._leave_session_keyring(0)
    assert ended.value.code == f"no session keyring: {said}"


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("number", [0, errno.ENOSYS, errno.EPERM])
def test_where_nobody_has_keys_nothing_is_missing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "_errno_of_joining", lambda _number: number)
    rights._leave_session_keyring(0)


def test_the_errno_of_a_refusal_is_found() -> None:
    no_such_call = 100_000
    assert rights._errno_of_joining(no_such_call) == errno.ENOSYS


@pytest.mark.usefixtures("refusing")
def test_capabilities_that_stay_end_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="does not take capabilities away"):
        rights._set_capabilities(0, 0)
    held = {24: -1}  # PR_CAPBSET_DROP fails, PR_CAPBSET_READ finds it
    monkeypatch.setattr(rights, "call_function", lambda _address, arguments: held.get(arguments[0], 1))
    with pytest.raises(SystemExit, match="does not take capability 0 away"):
        rights._empty_bounding_set(0)


@pytest.mark.usefixtures("refusing")
def test_a_kernel_that_does_not_filter_ends_the_sandbox_and_the_option_is_named() -> None:
    with pytest.raises(SystemExit, match="does not filter system calls; --no-seccomp does without"):
        rights._filter(0, bytes(8))
