"""A question why somebody may or may not do something, as it is asked (`POST /api/v4/explain`, an addition)."""

from __future__ import annotations

from typing import Any

from marshmallow import post_load

from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, split_share, validate_topic_filter, validate_topic_name
from app.schemas.banned import normalised_address
from app.schemas.fields import one_of, text
from app.schemas.request import RequestSchema

ACTIONS = ("connect", "publish", "subscribe")
MAX_LENGTH = 65_535
"""What MQTT can say."""


class ExplainWanted(RequestSchema):
    """Who wants what; what is left out the client does not say."""

    clientid = text(MAX_LENGTH, 1, required=True, metadata={"example": "sensor-1"})
    username = text(MAX_LENGTH, metadata={"example": "u1"})
    password = text(MAX_LENGTH, metadata={"example": "a-password"})
    peerhost = text(MAX_LENGTH, metadata={"example": "192.0.2.7"})
    action = one_of(ACTIONS, load_default="connect", metadata={"example": "publish"})
    topic = text(MAX_LENGTH, load_default="", metadata={"example": "plant/1/state"})

    @post_load
    def check(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """Write the address the way the broker writes the peer's, and refuse a topic that could not be asked for."""
        if "peerhost" in values:
            values["peerhost"] = _address(values["peerhost"])
        try:
            if values["action"] == "publish":
                validate_topic_name(values["topic"])
            elif values["action"] == "subscribe":
                validate_topic_filter(split_share(values["topic"])[1])
        except InvalidTopic:
            raise ServiceError(ResultCode.BAD_TOPIC) from None
        return values


def _address(given: str) -> str:
    try:
        return normalised_address(given)
    except ServiceError:
        raise ServiceError(
            ResultCode.BAD_PARAMETER, "value of 'peerhost' must be an IP address"
        ) from None
