"""Text that the specification advises against without forbidding it: what `mqtt.strict_mode` refuses."""

from __future__ import annotations

import re

_NON_CHARACTERS = "".join(
    f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17)
)
_DISCOURAGED = re.compile(f"[\x01-\x1f\x7f-\x9f\ufdd0-\ufdef{_NON_CHARACTERS}]")


def is_discouraged(text: str) -> bool:
    """Tell whether a text has control characters or non-characters (MQTT 5, section 1.5.4)."""
    return _DISCOURAGED.search(text) is not None
