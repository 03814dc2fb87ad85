"""Plays every conversation of every chapter against a running broker."""

from __future__ import annotations

import pytest

from tests.protocol.conversations import (
    c01_connect,
    c02_connack,
    c03_publish,
    c04_acknowledgements,
    c08_subscribe,
    c10_unsubscribe,
    c12_ping,
    c14_disconnect,
    c15_auth,
    c31_version_3_1_1,
    c40_operation,
    c50_version_5,
)
from tests.protocol.conversations.script import Address, Conversation, play

CHAPTERS = (
    c01_connect,
    c02_connack,
    c03_publish,
    c04_acknowledgements,
    c08_subscribe,
    c10_unsubscribe,
    c12_ping,
    c14_disconnect,
    c15_auth,
    c31_version_3_1_1,
    c40_operation,
    c50_version_5,
)
CASES = [
    pytest.param(each, f"{chapter.NUMBER}-{place}", id=f"{chapter.NUMBER}: {each.title}")
    for chapter in CHAPTERS
    for place, each in enumerate(chapter.CONVERSATIONS, 1)
]

SCRAM_CASES = [
    pytest.param(each, f"{c15_auth.NUMBER}-scram-{place}", id=f"{c15_auth.NUMBER}: {each.title}")
    for place, each in enumerate(c15_auth.WITH_SCRAM, 1)
]


@pytest.mark.parametrize(("conversation", "name"), CASES)
def test_conversation(conversation: Conversation, name: str, broker_address: Address) -> None:
    play(conversation, broker_address, name)


@pytest.mark.parametrize(("conversation", "name"), SCRAM_CASES)
def test_conversation_with_scram(
    conversation: Conversation, name: str, scram_address: Address
) -> None:
    play(conversation, scram_address, name)
