"""The way in for whoever may read the instance folder: a file that a running node leaves there for `godwit ctl`.

It says where the node's management API is and holds a secret that only this run of the node knows. The file is its
owner's alone; the secret is good for callers on this machine, which is for `app.api.security` to see to. A leaf:
imports nothing from the application.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOCAL_LOGIN_FILE = "ctl.json"
OPERATOR_PREFIX = "$ctl/"
"""What the user name of a local login begins with; no application can be called so. The operator's name follows."""
_MOST_BYTES = 65_536


class LocalLoginError(Exception):
    """The file cannot be used; one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class LocalNode:
    """What the file says."""

    node: str
    urls: tuple[str, ...]
    """Of the management API, the best first; empty where it can be reached by no local address."""
    secret: str = field(repr=False)


class LocalLogin:
    """This run's secret, and the file that tells it."""

    def __init__(self, instance_dir: Path, node: str, urls: Sequence[str]) -> None:
        """Make up a secret; nobody can know it before `publish`.

        Args:
            instance_dir: Where the file goes.
            node: The node's name.
            urls: Where its management API answers on this machine.
        """
        self._path = instance_dir / LOCAL_LOGIN_FILE
        self._node = node
        self._urls = list(urls)
        self._secret = secrets.token_urlsafe(32)

    def publish(self) -> None:
        """Write the file in one step, readable by its owner alone from its first byte on."""
        said = {"node": self._node, "urls": self._urls, "secret": self._secret}
        # mkstemp makes files of mode 0600.
        fd, name = tempfile.mkstemp(prefix=f".{LOCAL_LOGIN_FILE}.", dir=self._path.parent)
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                json.dump(said, file)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def withdraw(self) -> None:
        """Remove the file, unless it is another run's by now. Doing it twice is no error."""
        with contextlib.suppress(OSError, LocalLoginError):
            if read_local_login(self._path.parent).secret == self._secret:
                self._path.unlink(missing_ok=True)

    def operator(self, name: str, secret: str) -> str | None:
        """Return who logs in with these credentials, or None where they are not this run's."""
        fits = hmac.compare_digest(secret.encode(), self._secret.encode())
        if not name.startswith(OPERATOR_PREFIX) or not fits:
            return None
        return name.removeprefix(OPERATOR_PREFIX)


def read_local_login(instance_dir: Path) -> LocalNode:
    """Read what a running node left in its instance folder.

    Raises:
        FileNotFoundError: No node runs there, or never did.
        LocalLoginError: The file is not this user's to read, or damaged.
    """
    path = instance_dir / LOCAL_LOGIN_FILE
    try:
        with path.open(encoding="utf-8") as file:
            said = json.loads(file.read(_MOST_BYTES))
        return LocalNode(said["node"], tuple(said["urls"]), said["secret"])
    except PermissionError:
        raise LocalLoginError(
            f"Run this as the user that runs Godwit: {path} is for nobody else."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise LocalLoginError(f"Restart the node: {path} is damaged.") from None
