"""How the builds of runtimes are named."""

from __future__ import annotations

import pytest

from runtime_api.service.runtime_versions import runtime_version, runtime_version_arn


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("python3.12", "python:3.12.v1"),
        ("nodejs22.x", "nodejs:22.v1"),
        ("provided.al2023", "provided:al2023.v1"),
        ("java8.al2", "java:8.al2.v1"),
        ("provided", "provided:v1"),
    ],
)
def test_the_version_has_the_form_of_lambdas(runtime: str, expected: str) -> None:
    assert runtime_version(runtime) == expected


def test_each_runtime_has_an_arn_of_its_own_in_each_region() -> None:
    arns = {
        runtime_version_arn(region, runtime)
        for region in ("us-east-1", "eu-west-1")
        for runtime in ("python3.12", "python3.13")
    }
    assert len(arns) == 4
    assert all(arn.split(":")[4] == "" for arn in arns), "it belongs to no account"
