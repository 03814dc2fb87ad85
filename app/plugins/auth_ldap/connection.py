"""One connection to a directory, with one question under way at a time. It has no time limits of its own."""

from __future__ import annotations

import asyncio
import ssl

from app.plugins.auth_ldap import ber, protocol
from app.plugins.auth_ldap.protocol import Entry, Reply

MAX_MESSAGE_BYTES = 1024 * 1024


class LdapError(Exception):
    """The connection is of no use any more."""


class Connection:
    """To be used on the loop only; after any error it must be closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take an open connection."""
        self._reader = reader
        self._writer = writer
        self._last_id = 0

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> Connection:
        """Connect, with TLS from the first byte where a context is given."""
        return cls(*await asyncio.open_connection(host, port, ssl=tls))

    @property
    def is_open(self) -> bool:
        """Tell whether the server has not closed it, as far as is known."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def bind(self, dn: bytes | str, password: bytes) -> int:
        """Log in and return the code of the result.

        Raises:
            LdapError: The server says something else, or nothing.
            OSError: The connection broke.
        """
        reply = await self._ask(protocol.bind(self._next_id(), dn, password))
        if reply.operation != protocol.BOUND:
            raise LdapError("no answer to a bind")
        return protocol.read_result(reply)

    async def search(
        self, base: str, condition: bytes, attributes: tuple[str, ...], limit_s: int
    ) -> tuple[int, list[Entry]]:
        """Return the code of the result, and the entries.

        Raises:
            LdapError: The server says something else, or nothing.
            OSError: The connection broke.
        """
        request = protocol.search(self._next_id(), base, condition, attributes, limit_s)
        reply = await self._ask(request)
        entries: list[Entry] = []
        while reply.operation != protocol.DONE:
            if reply.operation == protocol.ENTRY:
                entries.append(protocol.read_entry(reply))
            if len(entries) > protocol.MAX_ENTRIES:
                raise LdapError("more entries than were asked for")
            # Anything else, such as where another directory knows more, is passed over.
            reply = await self._receive()
        return protocol.read_result(reply), entries

    def close(self) -> None:
        """Say good-bye and close."""
        if self.is_open:
            self._writer.write(protocol.unbind(self._next_id()))
        self._writer.close()

    def _next_id(self) -> int:
        self._last_id = self._last_id % 0x7FFFFFFF + 1
        return self._last_id

    async def _ask(self, request: bytes) -> Reply:
        self._writer.write(request)
        await self._writer.drain()
        return await self._receive()

    async def _receive(self) -> Reply:
        try:
            tag, size = await self._reader.readexactly(2)
            if count := ber.long_form(size):
                size = int.from_bytes(await self._reader.readexactly(count), "big")
            if tag != ber.SEQUENCE or size > MAX_MESSAGE_BYTES:
                raise LdapError("no message of LDAP")
            reply = protocol.read_reply(await self._reader.readexactly(size))
        except asyncio.IncompleteReadError:
            raise LdapError("the server closed the connection") from None
        if reply.operation == protocol.NOTICE or reply.message_id != self._last_id:
            raise LdapError("the server ends the connection")
        return reply
