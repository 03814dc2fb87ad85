"""The shape of bans; what is common to all requests is in test_request."""

from __future__ import annotations

import pytest

from app.errors import ServiceError
from app.schemas.banned import BAN_KINDS, BanCreate, check_ban_kind, normalised_address


def test_times_stay_out_where_they_are_not_given() -> None:
    assert BanCreate().read({"who": "a", "as": "username"}) == {
        "who": "a",
        "kind": "username",
        "reason": "undefined",
        "desc": None,
        "by": "user",
    }


def test_a_name_that_would_meet_everybody_without_one_is_refused() -> None:
    with pytest.raises(ServiceError, match="value of 'who' must be a string of 1 to 512"):
        BanCreate().read({"who": "", "as": "username"})


def test_only_addresses_are_normalised() -> None:
    assert BanCreate().read({"who": "::FFFF", "as": "clientid"})["who"] == "::FFFF"
    assert BanCreate().read({"who": "::FFFF", "as": "peerhost"})["who"] == "::ffff"


@pytest.mark.parametrize(
    "who", ["", "localhost", "10.0.0.0/8", "1.2.3", "01.2.3.4", "1.2.3.4 ", "::g"]
)
def test_what_is_no_address_is_refused(who: str) -> None:
    with pytest.raises(ServiceError, match="must be an IP address"):
        normalised_address(who)


def test_kinds_are_those_of_emqx() -> None:
    for kind in BAN_KINDS:
        check_ban_kind(kind)
    with pytest.raises(ServiceError, match="value of 'as' must be one of"):
        check_ban_kind("ip")
