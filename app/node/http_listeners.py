"""What the HTTP ports have to do right now, for the list of listeners.

gunicorn accepts for all of them in one place, so a port's connections are the requests that are being answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.broker.records import ListenerRecord
from app.config import Address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class HttpListeners:
    """Counts requests in progress by port; wraps the WSGI application."""

    def __init__(
        self,
        management: Iterable[Address],
        dashboard: Iterable[Address],
        request_threads: int,
    ) -> None:
        """Know the addresses by purpose."""
        self._addresses = [("http:management", address) for address in management]
        self._addresses += [("http:dashboard", address) for address in dashboard]
        self._threads = request_threads
        self._current: Counter[str] = Counter()

    def wrap(self, application: WSGIApplication) -> WSGIApplication:
        """Return the application with every request counted at its port."""

        def counted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            port = environ.get("SERVER_PORT", "")
            self._current[port] += 1
            try:
                return application(environ, start_response)
            finally:
                self._current[port] -= 1

        return counted

    def records(self) -> list[ListenerRecord]:
        """Return what the API shows."""
        return [
            ListenerRecord(
                protocol=protocol,
                listen_on=str(address),
                identifier=None,
                acceptors=self._threads,
                max_conns=512,
                current_conns=self._current[str(address.port)],
            )
            for protocol, address in self._addresses
        ]
