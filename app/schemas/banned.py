"""A ban as it is asked for (EMQX 4.4, POST /api/v4/banned)."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from marshmallow import post_load

from app.errors import ResultCode, ServiceError
from app.schemas.fields import UNDEFINED, WordIsNone, one_of, text, unix_seconds
from app.schemas.request import RequestSchema

BAN_KINDS = ("clientid", "username", "peerhost")
WHO_MAX_LENGTH = 512
BY_MAX_LENGTH = 256
REASON_MAX_LENGTH = 2_048
DESC_MAX_LENGTH = 2_048
MAPPED_BITS = 96
"""Of an IPv6 address that holds one of IPv4, how many come before it."""
FOREVER = "infinity"
"""Our addition: the `until` of a ban that never ends, in the word that EMQX uses for such times."""


class BanCreate(RequestSchema):
    """A new ban; `at` and `until` stay out of the result where they are not given.

    EMQX 4.3 and later crash without a `reason`; we do as 4.0 to 4.2 did and as its documents show.
    """

    # An empty name would meet every client that has none.
    who = text(WHO_MAX_LENGTH, 1, required=True, metadata={"example": "sensor-1"})
    kind = one_of(BAN_KINDS, data_key="as", required=True, metadata={"example": "clientid"})
    reason = text(REASON_MAX_LENGTH, load_default=UNDEFINED, metadata={"example": "floods us"})
    by = text(BY_MAX_LENGTH, load_default="user")
    at = unix_seconds()
    until = unix_seconds(allow_none=True, pre_load=WordIsNone(FOREVER))
    # The second text of EMQ X 3, whose API alone shows it.
    desc = text(DESC_MAX_LENGTH, load_default=None)

    @post_load
    def normalise_address(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """Write an address the way the broker writes the peer's."""
        if values["kind"] == "peerhost":
            values["who"] = normalised_network(values["who"])
        return values


def check_ban_kind(kind: str) -> None:
    """Refuse a kind that is not one, in EMQX's words."""
    if kind not in BAN_KINDS:
        raise ServiceError(
            ResultCode.BAD_PARAMETER, f"value of 'as' must be one of: {list(BAN_KINDS)}"
        )


def normalised_network(who: str) -> str:
    """Return an address, or a network such as `10.0.0.0/8`, in its one canonical form.

    Networks are our addition.

    Raises:
        ServiceError: It is neither.
    """
    if "/" not in who:
        return normalised_address(who)
    try:
        network = ip_network(who, strict=False)
    except ValueError:
        raise ServiceError(
            ResultCode.BAD_PARAMETER, "value of 'who' must be an IP address or network"
        ) from None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= MAPPED_BITS:
        network = ip_network(f"{mapped}/{network.prefixlen - MAPPED_BITS}")
    if network.num_addresses == 1:
        return str(network.network_address)
    return str(network)


def normalised_address(who: str) -> str:
    """Return an IP address in its one canonical form; IPv4 inside IPv6 is IPv4.

    Raises:
        ServiceError: It is no IP address.
    """
    try:
        address = ip_address(who)
    except ValueError:
        raise ServiceError(
            ResultCode.BAD_PARAMETER, "value of 'who' must be an IP address"
        ) from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
