"""Base62 as EMQX writes it: base64 without padding, in which `9` begins the last three of the 64 values.

Source: EMQX 4.4 `emqx_base62`.
"""

from __future__ import annotations

import string
from base64 import b64encode

_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_OURS = str.maketrans(dict(zip(_BASE64[61:], ("9A", "9B", "9C"), strict=True)))


def encoded(data: bytes) -> str:
    """Return the text that stands for some bytes."""
    rest = len(data) % 3
    whole, last = data[: len(data) - rest], data[len(data) - rest :]
    text = b64encode(whole).decode().translate(_OURS)
    if not last:
        return text
    # The last index is what is left of the bits as they stand; base64 would fill it up on the right.
    bits = int.from_bytes(last)
    left = 4 if rest == 2 else 2
    indices = [bits >> left + 6 * place & 0x3F for place in reversed(range(rest))]
    return text + "".join(
        _BASE64[index].translate(_OURS) for index in (*indices, bits & (1 << left) - 1)
    )
