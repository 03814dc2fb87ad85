"""Start a program as systemd starts a service that has socket units: `hand_over.py 7=NAME 9=NAME -- PROGRAM …`."""

from __future__ import annotations

import os
import sys

FIRST = 3
OUT_OF_THE_WAY = 100


def main() -> None:
    """Become the program, with the descriptors in a row and the environment that tells of them."""
    end = sys.argv.index("--")
    entries = [entry.partition("=") for entry in sys.argv[1:end]]
    # First away from where they are to be, since they may stand in each other's place.
    away = [
        os.dup2(int(number), OUT_OF_THE_WAY + place)
        for place, (number, _, _name) in enumerate(entries)
    ]
    for place, descriptor in enumerate(away):
        os.dup2(descriptor, FIRST + place, inheritable=True)
        os.close(descriptor)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(entries))
    os.environ["LISTEN_FDNAMES"] = ":".join(name for _number, _, name in entries)
    os.execv(sys.argv[end + 1], sys.argv[end + 1 :])


if __name__ == "__main__":
    main()
