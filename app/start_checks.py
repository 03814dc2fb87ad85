"""What must be true before a node starts, and the sentence that tells the operator what to do.

The checks run twice: in `make run` before the server is there, and in gunicorn's master before it
binds. They only look; what they looked at is taken for good later, by the worker (the lock, the MQTT
ports) or by gunicorn (the HTTP ports).
"""

from __future__ import annotations

import errno
import socket
import tempfile
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from app.broker.sockets import is_left_behind
from app.broker.tls import CertificateError, make_context
from app.config import Address, Settings
from app.service_manager import Held, place_of
from app.startup import LOCK_FILE, InstanceLock, StartError

HTTP_KEYS = ("management.listener.http", "dashboard.listener.http")


def check_start(settings: Settings, held: Container[str] = ()) -> None:
    """Look at the instance folder, its lock, the ports, the socket files and the certificates.

    Args:
        settings: Of the node that is to start.
        held: Keys of what a service manager listens on already.

    Raises:
        StartError: Something is in the way.
    """
    check_instance_dir(settings.instance_dir)
    InstanceLock(settings.instance_dir / LOCK_FILE).check_free()
    check_ports(settings, held)
    check_socket_files(settings, held)
    check_certificates(settings)


def check_instance_dir(path: Path) -> None:
    """Create the instance folder where it is missing, and try to write in it.

    Raises:
        StartError: It cannot be created or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StartError(
            f"Make the instance folder {path} writable for the user that runs Godwit, "
            f"or set GODWIT_INSTANCE to another folder ({reason})."
        ) from None


def check_ports(settings: Settings, held: Container[str] = ()) -> None:
    """Bind every address for a moment, but those that are held.

    Raises:
        StartError: One is taken, reserved, or not an address of this machine.
    """
    for key, address in listening_addresses(settings):
        if key in held:
            continue
        try:
            _bind_once(address)
        except OSError as error:
            raise StartError(_port_advice(key, address, error)) from None


def listening_addresses(settings: Settings) -> Iterator[tuple[str, Address]]:
    """Yield (settings key, address) for everything that a node listens on."""
    for listener in settings.broker.listeners:
        if listener.unix is None:
            yield listener.key, listener.address
    for address in settings.management.listeners:
        yield "management.listener.http", address
    for address in settings.dashboard.listeners:
        yield "dashboard.listener.http", address


def check_held(settings: Settings, held: Held) -> None:
    """Look whether held sockets are those of the settings.

    Raises:
        StartError: One belongs to nothing here, listens elsewhere, or the HTTP ports are held in part.
    """
    wanted: dict[str, list[str | int]] = {}
    for key, address in listening_addresses(settings):
        wanted.setdefault(key, []).append(address.port)
    for listener in settings.broker.listeners:
        if listener.unix is not None:
            wanted[listener.key] = [listener.unix.path]
    if held.keys() & set(HTTP_KEYS):
        missing = sorted(wanted.keys() & set(HTTP_KEYS) - held.keys())
        if missing:
            raise StartError(
                f"Have socket units for all HTTP ports or for none: {missing[0]} has none."
            )
    for key, descriptors in held.items():
        if key not in wanted:
            raise StartError(
                f"Name the socket {key} as the settings key of what listens on it, such as "
                "listener.tcp.external, or switch that listener on."
            )
        found = {place_of(descriptor) for descriptor in descriptors}
        if found != set(wanted[key]):
            raise StartError(
                f"Have the socket units of {key} and its setting name the same addresses: "
                f"{_places(found)} and {_places(wanted[key])}."
            )


def _places(places: Iterable[str | int]) -> str:
    return ", ".join(sorted(str(place) for place in places))


def listening_keys(settings: Settings) -> set[str]:
    """Return the settings keys of everything that a node listens on."""
    return {*(listener.key for listener in settings.broker.listeners), *HTTP_KEYS}


def check_socket_files(settings: Settings, held: Container[str] = ()) -> None:
    """Look whether each socket file can be made, but those that are held.

    Raises:
        StartError: Its folder is closed, another program listens on it, or it is a file of another kind.
    """
    for listener in settings.broker.listeners:
        if listener.unix is None or listener.key in held:
            continue
        path = Path(listener.unix.path)
        try:
            is_left_behind(path)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise StartError(
                f"Set {listener.key} to a socket file that can be made instead of {path} "
                f"({error.strerror or 'unknown'})."
            ) from None


def check_certificates(settings: Settings) -> None:
    """Read the certificates of every TLS listener.

    Raises:
        StartError: Some cannot be used.
    """
    for listener in settings.broker.listeners:
        if listener.tls is None:
            continue
        try:
            make_context(listener.key, listener.tls, listener.protocol)
        except CertificateError as error:
            raise StartError(str(error)) from None


def _bind_once(address: Address) -> None:
    family, kind, protocol, _name, place = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        # As the listeners themselves do: ports of connections that just ended are free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(place)
        probe.listen(1)


def _port_advice(key: str, address: Address, error: OSError) -> str:
    """Return the sentence for an address that cannot be had."""
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Stop the program that listens on port {address.port}, "
                f"or set {key} to another address than {address}."
            )
        case errno.EACCES:
            return (
                f"Set {key} to a port above 1023 instead of {address}, "
                "or allow the user that runs Godwit to listen on it."
            )
        case _:
            reason = error.strerror or "unknown"
            return f"Set {key} to an address of this machine instead of {address} ({reason})."


def migrate_database(settings: Settings) -> None:
    """Bring the database up to date.

    Raises:
        StartError: It cannot be used.
    """
    # Imported here: SQLAlchemy and alembic take longer to load than all other checks to run.
    from app.models import DatabaseError, migrate

    try:
        migrate(settings)
    except DatabaseError as error:
        raise StartError(str(error)) from None


def check_database(settings: Settings) -> None:
    """Look whether the database has been brought up to date.

    Raises:
        StartError: It has not, or it cannot be used.
    """
    from app.models import DatabaseError, is_at_head

    try:
        at_head = is_at_head(settings)
    except DatabaseError as error:
        raise StartError(str(error)) from None
    if not at_head:
        raise StartError(
            "Run `make run`, or `python -m app.cli prepare`, to bring the database to the tables "
            "of this version."
        )


def check_server_options(*, workers: int, preload_app: bool, worker_class: str) -> None:
    """Look at the options that gunicorn was given.

    Raises:
        StartError: The broker could not live in such a server.
    """
    if workers != 1:
        raise StartError(
            f"Start gunicorn with one worker instead of {workers}: the worker holds the broker, "
            "and two brokers cannot share its ports and sessions."
        )
    if preload_app:
        raise StartError(
            "Start gunicorn without --preload: the broker's thread would stay in the master "
            "process, which serves nobody."
        )
    if worker_class != "gthread":
        raise StartError(
            f"Start gunicorn with the worker class gthread instead of {worker_class}: "
            "requests need threads beside the broker's loop."
        )
