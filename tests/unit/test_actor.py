"""Who acts right now."""

from __future__ import annotations

import threading

from app.actor import SYSTEM, Actor, acting, current_act, current_actor

ALICE = Actor("user", "alice", "192.0.2.1", "r1")


def test_what_nobody_claims_is_done_by_the_system():
    assert current_actor() == SYSTEM
    assert current_act() is None


def test_somebody_acts_until_the_block_ends():
    with acting(ALICE) as act:
        assert current_act() is act
        act.actor = Actor("app", "tool")
        assert current_actor().name == "tool"
    assert current_actor() == SYSTEM


def test_another_thread_has_an_actor_of_its_own():
    found = []
    with acting(ALICE):
        thread = threading.Thread(target=lambda: found.append(current_actor()))
        thread.start()
        thread.join()
    assert found == [SYSTEM]
