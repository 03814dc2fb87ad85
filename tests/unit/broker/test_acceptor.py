"""Accepting with care: the rate, what is on its way in, failures before MQTT. Sockets and time are the test's."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.broker.acceptor import RETRY_S, Acceptor, Bucket
from app.broker.metrics import Metrics
from app.broker.proxy_protocol import Origin
from app.broker.tls import Certificates
from app.config import ListenerConfig, TlsConfig
from tests.unit.broker.wires import TurnLoop

CONFIG = ListenerConfig("tcp", "external", "0.0.0.0", 1883)


class Knock:
    """A connection that waits in the backlog."""

    family = socket.AF_UNIX

    def __init__(self, sends: bytes = b"") -> None:
        self.sends = sends
        self.closed = False

    def setblocking(self, flag: bool) -> None:
        assert flag is False

    def close(self) -> None:
        self.closed = True


class Backlog(Knock):
    """A listening socket."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Knock | OSError] = []

    def fileno(self) -> int:
        return 99

    def accept(self) -> tuple[Knock, None]:
        if not self.waiting:
            raise BlockingIOError
        first = self.waiting.pop(0)
        if isinstance(first, OSError):
            raise first
        return first, None


class Loop(TurnLoop):
    """A loop that watches nothing and hands connections to the test."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: dict[int, Callable[..., Any]] = {}
        self.taken: list[Any] = []
        self.outcome: Exception | None = None
        self.never = False

    def add_reader(self, fd: Any, callback: Callable[..., Any], *_args: Any) -> None:
        if fd == 99:
            self.readers[fd] = callback
        else:
            super().add_reader(fd, callback)

    def remove_reader(self, fd: Any) -> bool:
        if fd == 99:
            return self.readers.pop(fd, None) is not None
        return super().remove_reader(fd)

    async def sock_recv(self, sock: Any, count: int) -> bytes:
        data: bytes = sock.sends[:count]
        sock.sends = sock.sends[count:]
        return data

    async def connect_accepted_socket(self, make: Any, sock: Any, **_more: Any) -> Any:
        if self.never:
            await self.create_future()
        if self.outcome is not None:
            raise self.outcome
        self.taken.append(make())


class Listener:
    """What an acceptor needs of a listener; a protocol is its origin."""

    def __init__(self, **settings: Any) -> None:
        self.config = replace(CONFIG, **settings)
        self.certificates: Certificates | None = None
        self.trouble = ""
        self.metrics = Metrics()

    def has_room(self, arriving: int) -> bool:
        return arriving < self.config.max_connections

    def make_protocol(self, origin: Origin | None) -> Any:
        return origin


class Door:
    """An acceptor with everything around it."""

    def __init__(self, **settings: Any) -> None:
        self.loop = Loop()
        self.backlog = Backlog()
        self.listener = Listener(**settings)
        self.metrics = self.listener.metrics
        self.acceptor = Acceptor(self.listener, self.backlog, self.loop)  # type: ignore[arg-type]

    def knock(self, *who: Knock | OSError) -> None:
        self.backlog.waiting.extend(who)
        self.look()

    def look(self) -> None:
        if 99 in self.loop.readers:
            self.loop.turn(self.loop.readers[99])
        self.loop.turns()


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    made: list[Door] = []

    def make(**settings: Any) -> Door:
        made.append(Door(**settings))
        return made[-1]

    yield make
    for each in made:
        each.loop.turn(each.acceptor.close)
        each.loop.turns()
        each.loop.close()


Doors = Callable[..., Door]


def test_a_second_worth_comes_in_at_once_and_the_rest_waits_in_the_backlog(door: Doors) -> None:
    here = door(max_conn_rate=2)
    here.knock(*(Knock() for _ in range(5)))
    assert (len(here.loop.taken), len(here.backlog.waiting)) == (2, 3)
    assert here.metrics.listener_paused_conn_rate == 1
    assert 99 not in here.loop.readers
    here.loop.advance(0.5)
    here.look()
    assert (len(here.loop.taken), len(here.backlog.waiting)) == (3, 2)


def test_without_a_rate_nobody_waits(door: Doors) -> None:
    here = door()
    here.knock(*(Knock() for _ in range(50)))
    assert len(here.loop.taken) == 50
    assert here.metrics.listener_paused_conn_rate == 0


def test_where_tls_comes_first_others_have_a_turn_after_each(door: Doors) -> None:
    here = door(tls=TlsConfig())
    here.knock(*(Knock() for _ in range(3)))
    assert (len(here.loop.taken), len(here.backlog.waiting)) == (1, 2)
    here.look()
    assert (len(here.loop.taken), len(here.backlog.waiting)) == (2, 1)


def test_out_of_descriptors_it_rests_a_while_and_goes_on(
    door: Doors, caplog: pytest.LogCaptureFixture
) -> None:
    here = door()
    here.knock(OSError(errno.EMFILE, "Too many open files"), Knock())
    assert here.loop.taken == []
    assert "listener.tcp.external cannot accept: Too many open files" in caplog.text
    here.loop.advance(RETRY_S)
    here.look()
    assert len(here.loop.taken) == 1


def test_who_is_on_the_way_in_takes_room(door: Doors) -> None:
    here = door(max_connections=2)
    here.loop.never = True
    knocks = [Knock(), Knock(), Knock()]
    here.knock(*knocks)
    assert [each.closed for each in knocks] == [False, False, True]
    here.loop.turn(here.acceptor.close)
    here.loop.turns()
    assert [each.closed for each in knocks] == [True, True, True]


def test_closed_before_the_first_step_a_connection_is_closed_too(door: Doors) -> None:
    here = door()
    knock = Knock()
    here.backlog.waiting.append(knock)

    def accept_and_close() -> None:
        here.loop.readers[99]()
        here.acceptor.close()

    here.loop.turn(accept_and_close)
    here.loop.turns()
    assert knock.closed
    assert here.loop.taken == []


@pytest.mark.parametrize("outcome", [ssl.SSLError(1, "no"), ConnectionResetError(), TimeoutError()])
def test_a_failed_handshake_is_counted(door: Doors, outcome: Exception) -> None:
    here = door()
    here.loop.outcome = outcome
    here.knock(Knock(), Knock())
    assert here.metrics.listener_error_handshake == 2


def test_a_bug_of_ours_is_told_and_stops_nobody_else(
    door: Doors, caplog: pytest.LogCaptureFixture
) -> None:
    here = door()
    here.loop.outcome = RuntimeError("a bug")
    here.knock(Knock())
    assert "A connection could not be taken in" in caplog.text
    here.loop.outcome = None
    here.knock(Knock())
    assert len(here.loop.taken) == 1


def test_a_proxys_header_is_taken_off_and_no_byte_more(door: Doors) -> None:
    here = door(proxy_protocol=True)
    knock = Knock(b"PROXY TCP4 192.0.2.7 10.0.0.1 51000 1883\r\n\x10\x0c")
    here.knock(knock)
    assert here.loop.taken == [Origin("192.0.2.7", 51_000, 1883)]
    assert knock.sends == b"\x10\x0c"


@pytest.mark.parametrize(
    "sends", [b"", b"PROXY TC", b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"]
)
def test_without_a_header_a_connection_is_closed_and_counted(door: Doors, sends: bytes) -> None:
    here = door(proxy_protocol=True)
    knock = Knock(sends)
    here.knock(knock)
    assert here.loop.taken == []
    assert knock.closed
    assert here.metrics.listener_error_proxy_protocol == 1


def test_a_bucket_never_holds_more_than_a_second_worth() -> None:
    bucket = Bucket(4, 0.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0.0] * 4
    assert bucket.take(100.0) == pytest.approx(0.25)
    bucket.give_back()
    assert bucket.take(100.0) == 0.0
