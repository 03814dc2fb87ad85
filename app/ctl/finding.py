"""Which node is meant: the one of this machine's instance folder, or one at an address."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import click

from app.actor import login_name
from app.config import instance_folder
from app.ctl.api import NodeApi
from app.ctl.refusals import NotRunning, Refused
from app.local_login import OPERATOR_PREFIX, LocalLoginError, read_local_login


def local_node(environ: Mapping[str, str]) -> NodeApi:
    """Return the API of the node that runs in the instance folder.

    Raises:
        NotRunning: None does.
        Refused: It cannot be talked to from here.
    """
    folder = instance_folder(environ)
    absent = (
        f"No node runs in {folder}: start it with `make run`, or name another one by "
        "GODWIT_INSTANCE or --url."
    )
    try:
        found = read_local_login(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise NotRunning(absent) from None
    except (LocalLoginError, OSError) as error:
        raise Refused(str(error)) from None
    if not found.urls:
        raise Refused(
            "The management API listens on no local address: name one by --url, --app-id and "
            "--app-secret, or add a loopback address to management.listener.http."
        )
    name = OPERATOR_PREFIX + login_name()
    return NodeApi(found.urls, name, found.secret, absent, found.node)


def remote_node(url: str, app_id: str | None, app_secret: str | None) -> NodeApi:
    """Return the API at an address.

    Raises:
        click.UsageError: The address is none, or the application is not named.
    """
    at = urlsplit(url if "://" in url else f"http://{url}")
    try:
        has_port = at.port is not None
    except ValueError:
        has_port = False
    if at.scheme not in ("http", "https") or not at.hostname or not has_port:
        raise click.UsageError(f"{url!r} is no address of an API: write http://HOST:8081.")
    if not app_id or not app_secret:
        raise click.UsageError("A node at --url wants --app-id and --app-secret.")
    return NodeApi([at.geturl()], app_id, app_secret, f"No node answers at {at.geturl()}.")
