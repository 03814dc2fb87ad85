"""The router: every matching subscription once, and never an answer from before the last change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.broker import router as router_module
from app.broker.message import Message
from app.broker.router import Router, SubOptions
from app.mqtt.topic import matches
from tests.unit.broker.strategies import topic_filters, topic_names


class Somebody:
    """A receiver that takes everything."""

    def __init__(self, name: str = "somebody") -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def deliver(self, message: Message, options: SubOptions) -> bool:
        return True


def test_a_receiver_with_two_matching_filters_is_named_twice() -> None:
    router, somebody = Router(), Somebody()
    router.add("a/b", somebody, SubOptions(0))
    router.add("a/+", somebody, SubOptions(1))
    assert [options.qos for _, options in router.match("a/b").receivers] == [0, 1]


def test_subscribing_again_replaces_the_options() -> None:
    """[MQTT-3.8.4-3]"""
    router, somebody = Router(), Somebody()
    for qos in (0, 2):
        router.add("a/+", somebody, SubOptions(qos))
    assert router.match("a/b").receivers == ((somebody, SubOptions(2)),)
    assert len(router) == 1


def test_a_remembered_route_is_forgotten_when_an_exact_filter_changes() -> None:
    router, somebody = Router(), Somebody()
    assert router.match("a").receivers == ()
    router.add("a", somebody, SubOptions())
    assert len(router.match("a").receivers) == 1
    router.remove("a", somebody)
    assert router.match("a").receivers == ()


def test_a_remembered_route_is_forgotten_when_a_wildcard_filter_changes() -> None:
    router, somebody = Router(), Somebody()
    assert router.match("a/b").receivers == ()
    router.add("+/b", somebody, SubOptions())
    assert len(router.match("a/b").receivers) == 1
    router.remove("+/b", somebody)
    assert router.match("a/b").receivers == ()


def test_a_wildcard_filter_disturbs_only_the_routes_below_its_first_level() -> None:
    router, somebody = Router(), Somebody()
    for _ in range(2):  # what comes once is not remembered
        kept = router.match("a/b"), router.match("a")
    router.match("x/y")
    router.add("x/+", somebody, SubOptions())
    assert (router.match("a/b"), router.match("a")) == kept
    assert set(router._cache) == {"a/b", "a"}
    assert len(router.match("x/y").receivers) == 1
    router.add("#", somebody, SubOptions())
    assert not router._cache


def test_subscribing_to_topics_that_are_published_to_leaves_nothing_behind() -> None:
    router, somebody = Router(), Somebody()
    for number in range(100):
        router.match(f"t{number}/x")
        router.add(f"t{number}/x", somebody, SubOptions())
        router.remove(f"t{number}/x", somebody)
    assert not router._cache
    assert not router._cached_below


def test_a_filter_keeps_its_subscribers_whether_one_or_many() -> None:
    router, first, second = Router(), Somebody("first"), Somebody("second")
    for topic_filter in ("a/+", "a/b"):
        router.add(topic_filter, first, SubOptions(0))
        router.add(topic_filter, first, SubOptions(1))
        router.add(topic_filter, second, SubOptions(2))
        router.add(topic_filter, second, SubOptions(1))
    assert [(str(who), options.qos) for who, options in router.match("a/b").receivers] == [
        ("first", 1),
        ("second", 1),
    ] * 2
    for topic_filter in ("a/+", "a/b"):
        router.remove(topic_filter, first)
    assert router.match("a/b").receivers == ((second, SubOptions(1)),) * 2
    for topic_filter in ("a/+", "a/b"):
        router.remove(topic_filter, second)
    assert router.match("a/b").receivers == ()
    assert len(router) == 0


def test_a_route_in_hand_survives_changes() -> None:
    router, first, second = Router(), Somebody("first"), Somebody("second")
    router.add("a", first, SubOptions())
    router.add("a", second, SubOptions())
    taken = []
    for receiver, _ in router.match("a").receivers:
        taken.append(receiver)
        router.remove("a", second)
    assert taken == [first, second]


def test_removing_what_is_not_there_is_no_error() -> None:
    router = Router()
    router.add("a", Somebody(), SubOptions())
    router.remove("a", Somebody("stranger"))
    router.remove("b", Somebody("stranger"))
    assert router.filters() == ["a"]


def test_the_filters_are_those_somebody_is_subscribed_to() -> None:
    router, first, second = Router(), Somebody(), Somebody()
    router.add("a/#", first, SubOptions())
    router.add("a/#", second, SubOptions())
    router.remove("a/#", first)
    assert "a/#" in router
    router.remove("a/#", second)
    assert "a/#" not in router
    assert len(router) == 0


def test_a_flood_of_topics_does_not_fill_the_memory(monkeypatch) -> None:
    monkeypatch.setattr(router_module, "ROUTE_CACHE_MAX_TOPICS", 10)
    router, somebody = Router(), Somebody()
    router.add("#", somebody, SubOptions())
    for number in range(100):
        assert len(router.match(f"t/{number}").receivers) == 1
    assert len(router._cache) <= 10


def test_very_long_topics_are_not_remembered() -> None:
    router = Router()
    router.match("x" * (router_module.ROUTE_CACHE_MAX_TOPIC_LEN + 1))
    assert not router._cache


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 2), st.one_of(topic_filters(), topic_names)),
            st.tuples(
                st.just("remove"), st.integers(0, 2), st.one_of(topic_filters(), topic_names)
            ),
            st.tuples(st.just("match"), st.integers(0, 2), topic_names),
        ),
        max_size=40,
    )
)
def test_a_router_agrees_with_a_list_of_subscriptions(steps: list[tuple[str, int, str]]) -> None:
    router = Router()
    people = [Somebody(str(number)) for number in range(3)]
    known: dict[tuple[int, str], SubOptions] = {}
    for serial, (step, who, topic) in enumerate(steps):
        if step == "add":
            known[who, topic] = SubOptions(identifier=serial)
            router.add(topic, people[who], known[who, topic])
        elif step == "remove":
            known.pop((who, topic), None)
            router.remove(topic, people[who])
        else:
            found = {
                (receiver.name, options) for receiver, options in router.match(topic).receivers
            }
            expected = {
                (str(number), options)
                for (number, wanted), options in known.items()
                if matches(topic, wanted)
            }
            assert found == expected
            assert len(router.match(topic).receivers) == len(expected)
        assert sorted(router.filters()) == sorted({wanted for _, wanted in known})


def test_a_route_that_ended_keeps_nobody_alive() -> None:
    router, somebody = Router(), Somebody()
    router.add("t", somebody, SubOptions())
    routes = [router.match("t") for _ in range(3)]
    assert routes[-1].live
    router.remove("t", somebody)
    assert not routes[-1].live
    assert routes[-1].receivers == ()
