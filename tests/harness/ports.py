"""Free TCP ports on loopback.

The ports lie below the range from which the system takes the ports of outgoing connections, so that
between choosing one and listening on it no client of another test can be given it.
"""

from __future__ import annotations

import os
import random
import socket
from typing import Final

_LOWEST: Final = 20_000
_HIGHEST: Final = 32_000
_chooser = random.Random(os.getpid())
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on, and that was not returned before.

    Raises:
        RuntimeError: No port was found in a thousand attempts.
    """
    for _ in range(1_000):
        port = _chooser.randrange(_LOWEST, _HIGHEST)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {_LOWEST} and {_HIGHEST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
