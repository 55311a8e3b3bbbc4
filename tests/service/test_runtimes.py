"""The table of runtimes, and which of them a profile lets functions have."""

from __future__ import annotations

import pytest

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.operations import model
from runtime_api.service.runtimes import GUIDE_2019, TODAY, Family, check_runtime, runtime_of


def test_every_runtime_of_the_model_is_known() -> None:
    for identifier in model().shapes["Runtime"].enum:
        runtime = runtime_of(identifier)
        assert identifier.startswith(runtime.family)


@pytest.mark.parametrize(
    ("identifier", "family", "version"),
    [
        ("python3.12", Family.PYTHON, (3, 12)),
        ("nodejs20.x", Family.NODE, (20,)),
        ("nodejs8.10", Family.NODE, (8, 10)),
        ("nodejs", Family.NODE, ()),
        ("go1.x", Family.GO, (1,)),
        ("java8.al2", Family.JAVA, (8,)),
        ("dotnetcore2.1", Family.DOTNET, (2, 1)),
        ("dotnet8", Family.DOTNET, (8,)),
        ("provided.al2023", Family.PROVIDED, ()),
    ],
)
def test_an_identifier_says_what_it_runs(identifier: str, family: Family, version: tuple[int, ...]) -> None:
    assert runtime_of(identifier) == (identifier, family, version)


def test_what_is_no_runtime_is_said() -> None:
    with pytest.raises(ValueError, match="cobol is no runtime of Lambda"):
        runtime_of("cobol")


def test_today_everything_that_is_not_deprecated_may_be_created() -> None:
    for identifier in set(model().shapes["Runtime"].enum) - TODAY.deprecated:
        check_runtime(identifier, TODAY)
    assert set(TODAY.listed) <= set(model().shapes["Runtime"].enum)


@pytest.mark.parametrize("identifier", ["go1.x", "python3.7", "nodejs", "dotnetcore3.1"])
def test_today_deprecated_ones_are_refused(identifier: str) -> None:
    with pytest.raises(InvalidParameterValueException) as refused:
        check_runtime(identifier, TODAY)
    assert refused.value.message == (
        f"The runtime parameter of {identifier} is no longer supported for creating or updating AWS Lambda functions."
        " We recommend you use a supported runtime while creating or updating functions."
    )


def test_in_2019_the_runtimes_of_the_guide_may_be_created() -> None:
    for identifier in "nodejs8.10 nodejs10.x python2.7 python3.6 python3.7 python3.8 ruby2.5 java8 go1.x".split():  # noqa: SIM905
        check_runtime(identifier, GUIDE_2019)
    for identifier in ("dotnetcore1.0", "dotnetcore2.1", "provided"):
        check_runtime(identifier, GUIDE_2019)


@pytest.mark.parametrize(
    ("identifier", "newer"),
    [
        ("nodejs", "nodejs10.x"),
        ("nodejs4.3-edge", "nodejs10.x"),
        ("nodejs6.10", "nodejs10.x"),
        ("dotnetcore2.0", "dotnetcore2.1"),
    ],
)
def test_in_2019_what_its_calendar_has_closed_is_refused(identifier: str, newer: str) -> None:
    with pytest.raises(InvalidParameterValueException) as refused:
        check_runtime(identifier, GUIDE_2019)
    assert refused.value.message == (
        f"The runtime parameter of {identifier} is no longer supported for creating or updating AWS Lambda functions."
        f" We recommend you use the new runtime ({newer}) while creating or updating functions."
    )


@pytest.mark.parametrize("identifier", ["nodejs20.x", "python3.12", "provided.al2023", "custom", "cobol"])
def test_in_2019_nothing_younger_is_known(identifier: str) -> None:
    with pytest.raises(
        InvalidParameterValueException, match=rf"Value {identifier} at 'runtime' failed .*\[nodejs8.10, "
    ):
        check_runtime(identifier, GUIDE_2019)
