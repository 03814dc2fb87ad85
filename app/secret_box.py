"""Secrets at rest: what EMQX's API gives back in plain text is encrypted in the database.

The key comes from the setting `node.secret_key`, or from `secret.key` in the instance folder, which is
made at the first use. A leaf: imports nothing from the application.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_FILE = "secret.key"
KEY_MIN_LENGTH = 16
_KEY_MAX_BYTES = 4_096
_PURPOSE = b"godwit secrets at rest, version 1"


class SecretBoxError(Exception):
    """The key is not usable, or not the one that sealed; one sentence that says what to do."""


class SecretBox:
    """Seals texts (encrypted and authenticated) and opens them again."""

    def __init__(self, instance_dir: Path, key: str | None = None) -> None:
        """Take the key that is given, or the one in the instance folder.

        Args:
            instance_dir: Where `secret.key` is, or is made.
            key: The value of `node.secret_key`; None or an empty text stands for the file.

        Raises:
            SecretBoxError: The key is too short; its file is damaged, open to others, or not to be made.
        """
        if key:
            self._source = "node.secret_key"
            text = key
        else:
            path = instance_dir / KEY_FILE
            self._source = str(path)
            text = _read_or_create(path)
        if len(text) < KEY_MIN_LENGTH:
            raise SecretBoxError(
                f"The key in {self._source} is too short: it needs {KEY_MIN_LENGTH} characters."
            )
        self._text = text
        self._fernet = Fernet(_derive(text, _PURPOSE))

    def __repr__(self) -> str:
        """Tell where the key is from, and nothing else."""
        return f"SecretBox(key from {self._source})"

    def key_for(self, purpose: str) -> bytes:
        """Return a key of its own for another purpose, from which this one cannot be guessed."""
        return _derive(self._text, purpose.encode())

    def seal(self, text: str) -> str:
        """Return the text encrypted, in characters that any database keeps."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """Return the text that was sealed.

        Raises:
            SecretBoxError: It was sealed with another key, or changed since.
        """
        try:
            return self._fernet.decrypt(sealed).decode()
        except (InvalidToken, ValueError):
            raise SecretBoxError(
                f"A stored secret cannot be decrypted with the key in {self._source}: put the key "
                "back that belongs to this database."
            ) from None


def _derive(text: str, purpose: bytes) -> bytes:
    """Make a key of the right size; a passphrase is as welcome as random characters."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(
        # The environment may hold bytes that are no UTF-8; as a key they are as good as any.
        text.encode("utf-8", "surrogateescape")
    )
    return base64.urlsafe_b64encode(derived)


def _read_or_create(path: Path) -> str:
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    try:
        _create(path)
        return _read(path)
    except OSError as error:
        raise SecretBoxError(
            f"The key file {path} cannot be made ({error.strerror}): make its folder writable for "
            "this user, or set node.secret_key."
        ) from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SecretBoxError(
                    f"The key file {path} is open to other users: run `chmod 600 {path}`."
                )
            content = file.read(_KEY_MAX_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SecretBoxError(
            f"The key file {path} cannot be read ({error.strerror}): give it to the user that runs "
            "the node."
        ) from None
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise SecretBoxError(
            f"The key file {path} is damaged: restore the one that belongs to this database."
        ) from None


def _create(path: Path) -> None:
    """Make the file whole or not at all; where another process is quicker, its key stands."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_urlsafe(32).encode("ascii") + b"\n")
            file.flush()
            # The database will hold what only this key opens, so the key must be on the disk first.
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
