"""Mountpoints: what a zone puts before its clients' topics, and that no topic grows too long by it."""

from __future__ import annotations

from app.mqtt.topic import MAX_TOPIC_BYTES, InvalidTopic

_CERTAINLY_SHORT = MAX_TOPIC_BYTES // 4
"""So many characters are never too many bytes."""


def mount(mountpoint: str, topic: str) -> str:
    """Return a topic name or filter, without EMQX's prefixes, below a mountpoint.

    Raises:
        InvalidTopic: it could not be sent to anybody [MQTT-1.5.4-1].
    """
    whole = mountpoint + topic
    if len(whole) > _CERTAINLY_SHORT and len(whole.encode()) > MAX_TOPIC_BYTES:
        raise InvalidTopic("topic is longer than 65535 bytes below its mountpoint")
    return whole
