"""Bans, on every database."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pytest
from sqlalchemy import event, select

from app.actor import Actor, acting
from app.broker.records import BanRecord
from app.clock import FakeClock
from app.errors import ResultCode, ServiceError
from app.models import AuditEntry, Banned, Database
from app.node.proxy import Nodes
from app.services.banned import SWEEP_BATCH_ROWS, BannedService

NOW_S = 1_700_000_000


class RecordingNode:
    """Takes down what it was told, and how many bans the database had committed by then."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.bans: dict[tuple[str, str], BanRecord] = {}
        self.seen_by_others: list[int] = []
        self.count_committed: Callable[[], int] = int
        self.error: ServiceError | None = None
        self.made: deque[BanRecord] = deque()

    def made_bans(self) -> deque[BanRecord]:
        return self.made

    @property
    def local(self) -> RecordingNode:
        return self

    def ban(self, record: BanRecord) -> None:
        self._note(("ban", record))
        self.bans[record.kind, record.who] = record

    def unban(self, kind: str, who: str) -> None:
        self._note(("unban", kind, who))
        self.bans.pop((kind, who), None)

    def _note(self, call: tuple[Any, ...]) -> None:
        self.calls.append(call)
        self.seen_by_others.append(self.count_committed())
        if self.error:
            raise self.error


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall_ms=NOW_S * 1000)


@pytest.fixture
def node() -> RecordingNode:
    return RecordingNode()


@pytest.fixture
def banned(database: Database, node: RecordingNode, clock: FakeClock) -> BannedService:
    service = BannedService(database, cast("Nodes", node), clock)
    node.count_committed = lambda: service.list(1, 0)[1]
    return service


def everything(banned: BannedService) -> list[BanRecord]:
    return banned.list(1, 10_000)[0]


def refused(banned: BannedService, params: dict[str, object]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        banned.create(params)
    return caught.value


class TestCreate:
    def test_what_is_left_out_gets_the_defaults_of_emqx(
        self, banned: BannedService, node: RecordingNode
    ) -> None:
        banned.create({"who": "example", "as": "clientid"})
        expected = BanRecord("clientid", "example", "user", "undefined", NOW_S, NOW_S + 300)
        assert everything(banned) == [expected]
        assert node.calls == [("ban", expected)]

    def test_the_answer_repeats_what_was_given_and_nothing_else(
        self, banned: BannedService
    ) -> None:
        params = {"who": "::FFFF:10.0.0.1", "as": "peerhost", "unknown": [1]}
        assert banned.create(params) == params

    def test_the_node_hears_of_a_ban_when_it_is_committed(
        self, banned: BannedService, node: RecordingNode
    ) -> None:
        banned.create({"who": "a", "as": "clientid"})
        banned.delete("clientid", "a")
        assert node.seen_by_others == [1, 0]

    def test_everything_that_is_given_is_kept(self, banned: BannedService) -> None:
        params = {"who": "u", "as": "username", "by": "ops", "reason": "", "at": 5, "until": 2**40}
        banned.create({**params, "desc": "why it is here"})
        assert everything(banned) == [
            BanRecord("username", "u", "ops", "", 5, 2**40, "why it is here")
        ]

    def test_the_longest_texts_fit(self, banned: BannedService) -> None:
        texts = {"who": "\U0001f985" * 512, "by": "由" * 256, "reason": "\U0001f985" * 2_048}
        banned.create({**texts, "as": "clientid"})
        (record,) = everything(banned)
        assert {"who": record.who, "by": record.by, "reason": record.reason} == texts

    def test_the_same_who_again_overwrites(
        self, banned: BannedService, node: RecordingNode
    ) -> None:
        banned.create({"who": "a", "as": "clientid", "reason": "first"})
        banned.create({"who": "a", "as": "clientid", "reason": "second"})
        banned.create({"who": "a", "as": "username", "reason": "third"})
        assert [ban.reason for ban in everything(banned)] == ["second", "third"]
        assert len(node.bans) == 2

    def test_names_are_compared_exactly(self, banned: BannedService) -> None:
        names = ["a", "A", "a ", " a", "ä", "a\u0308", "ａ", "'; DROP TABLE banned; --", "%", "\\"]
        for name in names:
            banned.create({"who": name, "as": "clientid"})
        assert {ban.who for ban in everything(banned)} == set(names)
        banned.delete("clientid", "a ")
        assert {ban.who for ban in everything(banned)} == set(names) - {"a "}

    @pytest.mark.parametrize(
        ("given", "stored"),
        [
            ("192.168.0.1", "192.168.0.1"),
            ("::ffff:192.168.0.1", "192.168.0.1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ],
    )
    def test_an_address_has_one_form(
        self, banned: BannedService, node: RecordingNode, given: str, stored: str
    ) -> None:
        banned.create({"who": given, "as": "peerhost"})
        assert list(node.bans) == [("peerhost", stored)]
        banned.delete("peerhost", given)
        assert everything(banned) == []
        assert node.bans == {}

    def test_a_ban_may_never_end(self, banned: BannedService, clock: FakeClock) -> None:
        banned.create({"who": "a", "as": "clientid", "until": "infinity"})
        clock.advance(10**9)
        assert banned.sweep_expired() == 0
        assert [ban.until_s for ban in banned.load_all()] == [None]

    def test_a_ban_that_is_over_already_kicks_nobody_and_ends_the_one_before(
        self, banned: BannedService, node: RecordingNode
    ) -> None:
        banned.create({"who": "a", "as": "clientid"})
        node.calls.clear()
        banned.create({"who": "a", "as": "clientid", "until": NOW_S})
        assert node.calls == [("unban", "clientid", "a")]
        assert [ban.until_s for ban in everything(banned)] == [NOW_S]

    @pytest.mark.parametrize("params", [{}, {"who": "a"}, {"as": "clientid"}, {"as": "nonsense"}])
    def test_a_mandatory_member_that_is_missing_is_107(
        self, banned: BannedService, params: dict[str, object]
    ) -> None:
        error = refused(banned, params)
        assert error.code is ResultCode.MISSING_PARAMETER
        assert error.message == "missing mandatory params: ['who', 'as']"

    @pytest.mark.parametrize("kind", ["ip", "", "Clientid", None, 1, ["clientid"], {}])
    def test_a_kind_that_is_none_is_108(self, banned: BannedService, kind: object) -> None:
        error = refused(banned, {"who": "a", "as": kind})
        assert error.code is ResultCode.BAD_PARAMETER
        assert error.message == "value of 'as' must be one of: ['clientid', 'username', 'peerhost']"

    def test_nothing_is_stored_or_told_of_a_ban_that_is_refused(
        self, banned: BannedService, node: RecordingNode
    ) -> None:
        error = refused(banned, {"who": "localhost", "as": "peerhost"})
        assert error.message == "value of 'who' must be an IP address"
        assert (everything(banned), node.calls) == ([], [])

    def test_a_node_that_does_not_answer_is_told_and_the_ban_stands(
        self, banned: BannedService, node: RecordingNode
    ) -> None:
        node.error = ServiceError(ResultCode.BADRPC)
        assert refused(banned, {"who": "a", "as": "clientid"}).code is ResultCode.BADRPC
        assert len(banned.load_all()) == 1

    def test_an_insert_that_another_node_won_becomes_a_change(
        self, banned: BannedService, database: Database
    ) -> None:
        # The other node's insert is committed between our look and our own insert.
        if database.url.get_backend_name() == "sqlite":
            pytest.skip("SQLite lets nobody in between: a writer has the lock from its first look")
        rivals = [Banned(kind="clientid", who="a", by="rival", reason="", at=1, until=None)]

        def interfere(_mapper: object, _connection: object, _target: object) -> None:
            if rivals:
                with database.session() as session:
                    session.add(rivals.pop())

        event.listen(Banned, "before_insert", interfere)
        banned.create({"who": "a", "as": "clientid", "by": "us"})
        event.remove(Banned, "before_insert", interfere)
        assert [ban.by for ban in everything(banned)] == ["us"]


class TestDelete:
    def test_one_that_is_not_there_is_no_error(self, banned: BannedService) -> None:
        banned.delete("clientid", "nobody")
        banned.delete("peerhost", "no address")

    @pytest.mark.parametrize("who", ["nul\0", "\ud800", "x" * 100_000])
    def test_one_that_could_never_be_there_is_no_error(
        self, banned: BannedService, who: str
    ) -> None:
        banned.delete("username", who)

    def test_a_kind_that_is_none_is_108(self, banned: BannedService) -> None:
        with pytest.raises(ServiceError, match="value of 'as' must be one of"):
            banned.delete("ip", "10.0.0.1")


class TestList:
    def test_pages_hold_every_ban_once(self, banned: BannedService) -> None:
        names = [f"c{number}" for number in range(7)]
        for name in names:
            banned.create({"who": name, "as": "clientid"})
        pages = [banned.list(page, 3) for page in (1, 2, 3, 4)]
        assert [len(rows) for rows, _total in pages] == [3, 3, 1, 0]
        assert {total for _rows, total in pages} == {7}
        assert [ban.who for rows, _total in pages for ban in rows] == names

    @pytest.mark.parametrize(
        ("page", "limit", "rows"),
        [(0, 10, 1), (-5, 10, 1), (1, 0, 0), (1, -1, 0), (10**30, 10, 0), (1, 10**30, 1)],
    )
    def test_odd_numbers_are_answered(
        self, banned: BannedService, page: int, limit: int, rows: int
    ) -> None:
        banned.create({"who": "a", "as": "clientid"})
        found, total = banned.list(page, limit)
        assert (len(found), total) == (rows, 1)

    def test_a_ban_that_is_over_is_listed_until_the_sweep_and_never_loaded(
        self, banned: BannedService, clock: FakeClock, node: RecordingNode
    ) -> None:
        banned.create({"who": "short", "as": "clientid", "until": NOW_S + 1})
        banned.create({"who": "long", "as": "clientid", "until": NOW_S + 99})
        clock.advance(1)
        assert len(everything(banned)) == 2
        assert [ban.who for ban in banned.load_all()] == ["long"]
        assert banned.sweep_expired() == 1
        assert [ban.who for ban in everything(banned)] == ["long"]
        assert list(node.bans) == [("clientid", "long")]


def test_what_others_wrote_reaches_the_loop_as_it_is_in_the_database(
    banned: BannedService, database: Database, node: RecordingNode
) -> None:
    banned.create({"who": "lifted", "as": "clientid"})
    with database.session() as session:
        session.delete(session.get_one(Banned, ("clientid", "lifted")))
        for who, until in (("now", None), ("over", NOW_S)):
            session.add(Banned(kind="clientid", who=who, by="", reason="", at=0, until=until))
    banned.apply_stored([("clientid", who) for who in ("lifted", "now", "over")])
    assert list(node.bans) == [("clientid", "now")]


def test_a_sweep_removes_more_than_one_batch(
    banned: BannedService, database: Database, node: RecordingNode
) -> None:
    ended = SWEEP_BATCH_ROWS + 1
    with database.session() as session:
        for number in range(ended):
            session.add(
                Banned(kind="clientid", who=str(number), by="", reason="", at=0, until=NOW_S)
            )
    assert banned.sweep_expired() == ended
    assert len(node.calls) == ended
    assert everything(banned) == []


def test_changes_of_many_threads_leave_the_loop_with_what_the_database_holds(
    banned: BannedService, node: RecordingNode
) -> None:
    def change(thread: int) -> None:
        for number in range(5):
            who = f"c{number % 2}"
            if (thread + number) % 3:
                banned.create({"who": who, "as": "clientid", "reason": f"{thread}.{number}"})
            else:
                banned.delete("clientid", who)

    threads = [threading.Thread(target=change, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(node.bans) == [(ban.kind, ban.who) for ban in everything(banned)]
    assert sorted(node.bans.values(), key=lambda ban: ban.who) == everything(banned)


def test_what_the_broker_banned_itself_is_on_the_list_and_can_be_lifted(
    banned: BannedService, node: RecordingNode, database: Database
) -> None:
    made = BanRecord("clientid", "c", "flapping detector", "x", NOW_S, NOW_S + 300)
    over = BanRecord("clientid", "past", "flapping detector", "x", NOW_S - 9, NOW_S - 1)
    node.made.extend((made, over))
    with acting(Actor("user", "somebody who only looks")):
        assert everything(banned) == [made]
    assert not node.made
    with database.reading() as session:
        (entry,) = session.scalars(select(AuditEntry))
        assert (entry.actor_kind, entry.target) == ("system", "clientid:c")
    node.made.append(made)
    banned.delete("clientid", "c")
    assert everything(banned) == []
    node.made.append(made)
    banned.sweep_expired()
    assert everything(banned) == [made]


def test_a_ban_that_the_database_does_not_take_waits(
    banned: BannedService, node: RecordingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = BanRecord("clientid", "c", "flapping detector", "x", NOW_S, NOW_S + 300)
    node.made.append(made)

    def fail(_record: BanRecord) -> None:
        raise RuntimeError("no database")

    with monkeypatch.context() as patched:
        patched.setattr(banned, "_store", fail)
        with pytest.raises(RuntimeError):
            banned.sweep_expired()
    assert everything(banned) == [made]


@pytest.mark.parametrize(
    ("who", "stored"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3/32", "10.1.2.3"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
    ],
)
def test_networks_are_banned_and_lifted_in_their_one_form(
    banned: BannedService, who: str, stored: str
) -> None:
    banned.create({"who": who, "as": "peerhost"})
    assert [one.who for one in everything(banned)] == [stored]
    banned.delete("peerhost", who)
    assert everything(banned) == []


@pytest.mark.parametrize("who", ["10.0.0.0/33", "10.0.0.0/", "/8", "here/8"])
def test_what_is_no_network_is_refused(banned: BannedService, who: str) -> None:
    with pytest.raises(ServiceError, match="IP address or network"):
        banned.create({"who": who, "as": "peerhost"})
