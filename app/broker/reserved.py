"""Topics that begin with `$` and are not for everybody to publish on.

EMQX 4.4 leaves `$SYS` to the ACL, whose shipped rules let everybody publish there, and takes `$share/...` for a plain
name that nobody can subscribe to. Here the broker alone speaks about itself, and a name that cannot be subscribed to
is refused.
"""

from __future__ import annotations

from app.mqtt.reason_codes import ReasonCode

_REFUSED = (
    ("$SYS/", ReasonCode.NOT_AUTHORIZED),
    ("$share/", ReasonCode.TOPIC_NAME_INVALID),
    ("$queue/", ReasonCode.TOPIC_NAME_INVALID),
)


def publish_reason(topic: str) -> ReasonCode:
    """Say whether a client may publish on a topic name, as far as the name alone decides."""
    for prefix, reason in _REFUSED:
        if topic.startswith(prefix):
            return reason
    return ReasonCode.SUCCESS
