"""amqtt, the broker in Python that there was: in a virtual environment of its own, made when needed.

What it depends on must not come near what we depend on, so it never enters the project's own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "build" / "amqtt"
_REQUIREMENT: Final = "amqtt==0.12.1"
_PROGRAM: Final = _FOLDER / "bin" / "amqtt"
_PIP: Final = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_INSTALL_LIMIT_S: Final = 300
AMQTT_SETTINGS: Final = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
    max_connections: 100000
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""
"""Without its plug-ins that log every packet and publish `$SYS`."""


def installed_amqtt() -> Path | None:
    """Return amqtt's program, installed now where it is not yet; None where it cannot be."""
    if _PROGRAM.exists():
        return _PROGRAM
    python = _FOLDER / "bin" / "python"
    try:
        _run(sys.executable, "-m", "venv", str(_FOLDER))
        _run(str(python), *_PIP, _REQUIREMENT)
    except (OSError, subprocess.SubprocessError):
        return None
    return _PROGRAM


def _run(*command: str) -> None:
    subprocess.run(
        command,
        check=True,
        timeout=_INSTALL_LIMIT_S,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
