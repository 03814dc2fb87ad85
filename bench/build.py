"""Compiles the load generators, when they are older than their sources."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_BUILD: Final = _HERE / "build"
_FLAGS: Final = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror")


def built(name: str) -> Path:
    """Return the program made of `<name>.c`, made anew where a source is newer.

    Raises:
        SystemExit: There is no C compiler, or it refuses the source.
    """
    program = _BUILD / name
    sources = [_HERE / f"{name}.c", *_HERE.glob("*.h")]
    if program.exists() and all(
        program.stat().st_mtime >= source.stat().st_mtime for source in sources
    ):
        return program
    _BUILD.mkdir(exist_ok=True)
    try:
        subprocess.run(["cc", *_FLAGS, "-o", program, sources[0]], check=True)
    except FileNotFoundError:
        raise SystemExit("Install a C compiler (Debian: apt install gcc libc6-dev).") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{name}.c does not compile: status {error.returncode}.") from None
    return program
