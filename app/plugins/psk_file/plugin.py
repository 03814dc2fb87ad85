"""The plugin: reads the file and gives its keys to the listeners, where Python's TLS can use them.

Source: EMQX 4.4 `emqx_psk_file`.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.broker import tls
from app.broker.core import BrokerCore
from app.config.psk_file import PSK_FILE_DELIMITER, PSK_FILE_PATH, PSK_FILE_ROWS
from app.plugins.base import Context, ExtensionError, Plugin
from app.plugins.psk_file.keys import KeyFileError, parse_keys

logger = logging.getLogger(__name__)

RECOMMENDED_KEY_BYTES = 16


class PskFile(Plugin):
    """Pre-shared keys from a file, for listeners with `psk_ciphers`."""

    name = "emqx_psk_file"
    description = "EMQX PSK Plugin from File"
    parameters = PSK_FILE_ROWS

    def __init__(self, default_file: Path) -> None:
        """Take the file that is meant where no other is named."""
        self._default_file = default_file
        self._core: BrokerCore | None = None

    def prepare(self, config: Mapping[str, Any]) -> dict[str, bytes]:
        """Read the file.

        Raises:
            ExtensionError: It cannot be read, is no file of keys, or this Python cannot use any.
        """
        named = config[PSK_FILE_PATH.key]
        path = Path(named) if named else self._default_file
        try:
            keys = parse_keys(path.read_text("utf-8"), config[PSK_FILE_DELIMITER.key])
        except KeyFileError as error:
            raise ExtensionError(f"Correct {path}: {error}.") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise ExtensionError(
                f"Make {path} readable, or set {PSK_FILE_PATH.key}: {reason}."
            ) from None
        if not tls.HAS_PSK:
            raise ExtensionError(
                f"{path} is right ({len(keys)} keys), but TLS of Python {platform.python_version()} takes no "
                "pre-shared keys: run Godwit with Python 3.13 or newer."
            )
        if short := sum(len(key) < RECOMMENDED_KEY_BYTES for key in keys.values()):
            logger.warning(
                "%d keys in %s are shorter than %d bytes and may be guessed",
                short,
                path,
                RECOMMENDED_KEY_BYTES,
            )
        return keys

    def load(self, context: Context) -> None:
        """Give the keys to the listeners, for handshakes from now on."""
        self._core = context.core
        context.core.pre_shared_keys = context.prepared

    def unload(self) -> None:
        """Take them back; who is connected stays."""
        if self._core is not None:
            self._core.pre_shared_keys = {}
            self._core = None
