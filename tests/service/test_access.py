"""What environments give to their processes: credentials, the id of a zone."""

from __future__ import annotations

import pytest

from runtime_api.service.access import FALSE_CREDENTIALS, Credentials, availability_zone_id, credentials_of


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("us-east-1", "use1-az1"),
        ("eu-central-1", "euc1-az1"),
        ("ap-southeast-2", "apse2-az1"),
        ("ap-northeast-1", "apne1-az1"),
        ("us-gov-west-1", "usgw1-az1"),
        ("ca-central-1", "cac1-az1"),
    ],
)
def test_the_id_of_a_zone(region: str, zone: str) -> None:
    assert availability_zone_id(region) == zone


def test_the_customers_own_credentials_go_before_false_ones() -> None:
    assert credentials_of({}) == Credentials(*FALSE_CREDENTIALS.values())
    assert credentials_of({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}) == Credentials("k", "s", "")
