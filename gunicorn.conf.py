"""How gunicorn serves Godwit: one worker of threads, everything else from the settings.

The hooks tie the node's life to the worker's. Signals reach the worker in pairs (Ctrl-C goes to the
whole process group, and the master passes on SIGQUIT), so a stop that has begun ignores the rest.
Each module-level name is one of gunicorn's settings.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from app.config import SettingsError, load_settings
from app.service_manager import HandedSocketsError, notify, take_sockets
from app.serving import accepting_with_rests, log_config
from app.slow_callers import SLOW_CALLERS
from app.start_checks import (
    HTTP_KEYS,
    check_database,
    check_held,
    check_server_options,
    check_start,
    listening_addresses,
)
from app.startup import PRIVATE, StartError, refuse

os.umask(PRIVATE)
try:
    _settings = load_settings(os.environ)
    _held = take_sockets(os.environ, os.getpid())
    check_held(_settings, _held)
except (SettingsError, HandedSocketsError, StartError) as error:
    refuse(error)
# The server would say that it is ready before the node is.
_notify_at = os.environ.pop("NOTIFY_SOCKET", "")

_HTTP_GRACE_S = 5
"""How long requests and kept connections may go on once a stop has begun."""
_BOOT_AND_HANG_S = 60

wsgi_app = "wsgi:app"
bind = [f"fd://{descriptor}" for key in HTTP_KEYS for descriptor in _held.get(key, ())] or [
    str(at) for at in (*_settings.management.listeners, *_settings.dashboard.listeners)
]
workers = 1
worker_class = "gthread"
threads = _settings.management.request_threads
preload_app = False
control_socket_disable = True
keepalive = 30
timeout = _BOOT_AND_HANG_S
# The master's patience covers both: the requests' grace, then the node's own stop.
graceful_timeout = _HTTP_GRACE_S + round(_settings.node.stop_timeout_s) + 2
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# Nobody stands between us and the client unless the operator says so.
forwarded_allow_ips = ""
accesslog = None
loglevel = "debug" if _settings.log.level == "debug" else "warning"
logconfig_dict = log_config(_settings.log)

_log = logging.getLogger("godwit")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_REFUSED_SIGNALS = ("hup", "ttin", "ttou", "usr2", "winch")
"""Reloading and scaling all start a second worker beside the first, which would find it locked out."""


def nworkers_changed(server: Any, new_value: int, old_value: int | None) -> None:
    """Check the start: the one hook that runs before --preload loads and before anything binds."""
    if old_value is not None:
        return
    try:
        check_server_options(
            workers=new_value,
            preload_app=server.cfg.preload_app,
            worker_class=server.cfg.worker_class_str,
        )
        check_start(_settings, _held)
        check_database(_settings)
    except StartError as error:
        refuse(error)


def when_ready(server: Any) -> None:
    """Turn the signals that would start a second worker into advice."""
    for name in _REFUSED_SIGNALS:
        setattr(server, f"handle_{name}", _advise)


def _advise() -> None:
    _log.warning("Stop and start Godwit to apply new settings: it runs one worker, and only one.")


def post_fork(_server: Any, worker: Any) -> None:
    """Give the worker's own waiting its share of the master's patience."""
    worker.cfg.set("graceful_timeout", _HTTP_GRACE_S)


def post_worker_init(worker: Any) -> None:
    """Have every signal that stops end the same way, and say where the node can be reached.

    gunicorn's own answer to SIGINT and SIGQUIT shuts its thread pool down inside the signal handler. One that comes
    while the pool takes a request waits for a lock that its own thread holds, for ever. The answer to SIGTERM only
    raises a flag.
    """
    for number in _STOP_SIGNALS:
        signal.signal(number, worker.handle_exit)
    worker.accept = accepting_with_rests(worker.accept)
    SLOW_CALLERS.watch(worker)
    places = ", ".join(f"{key} on {at}" for key, at in listening_addresses(_settings))
    _log.info("%s is up: %s", _settings.broker.node_name, places)
    notify(_notify_at, f"READY=1\nSTATUS={_settings.broker.node_name} is up")


def pre_request(_worker: Any, _request: Any) -> None:
    """Note that a request's head is there."""
    SLOW_CALLERS.head_has_come()


def worker_int(_worker: Any) -> None:
    """Let the stop that has begun run to its end."""
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def worker_exit(_server: Any, worker: Any) -> None:
    """Stop the node, if this process got as far as starting one."""
    worker_int(worker)
    notify(_notify_at, "STOPPING=1")
    app = worker.app.callable
    if app is not None:
        app.extensions["godwit"].stop()
