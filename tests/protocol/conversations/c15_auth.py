"""AUTH (section 3.15): out of place where no method is offered, and SCRAM back and forth where `emqx_sasl` runs.

Section 4.12 has its example in SCRAM; the client's half is `ScramClient`, written from RFC 5802 alone.
"""

from __future__ import annotations

from app.mqtt.packets import MQTT_3_1_1, MQTT_5, Auth, Connack, Connect
from tests.harness.mqtt_client import MqttClient
from tests.harness.scram_client import ScramClient
from tests.protocol.conversations.script import (
    Stage,
    Step,
    connack,
    conversation,
    dials,
    disconnect,
    hears,
    hears_nothing,
    is_closed,
    joins,
    says,
)

NUMBER = "15-auth"

CONVERSATIONS = (
    conversation(
        "AUTH before CONNECT ends the connection",
        "[MQTT-3.1.0-1]",
        dials("a"),
        says("a", Auth(0x18, {"authentication_method": "m"})),
        is_closed("a"),
    ),
    conversation(
        "AUTH without a method agreed upon is a protocol error",
        "[MQTT-4.12.0-7]",
        joins("a"),
        says("a", Auth(0x19, {"authentication_method": "m"})),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "packet type 15 closes a 3.1.1 connection",
        "2.2.1",
        joins("a", MQTT_3_1_1),
        says("a", b"\xf0\x00"),
        is_closed("a"),
    ),
)

CONTINUE, AGAIN = 0x18, 0x19
USERS = {
    "SCRAM-SHA-1": ("alice", "wonderland"),
    "SCRAM-SHA-256": ("bob", "builder, of=things"),
    "SCRAM-SHA-512": ("carol", "christmas"),
}
"""By mechanism, who is known there and by which password."""


def auth(reason: int, mechanism: str, data: bytes) -> Auth:
    """Write an AUTH."""
    return Auth(reason, {"authentication_method": mechanism, "authentication_data": data})


def asked(client: MqttClient, mechanism: str) -> bytes:
    """Receive the AUTH that asks for a proof, and return what it carries."""
    packet = client.receive()
    assert isinstance(packet, Auth), packet
    assert packet.reason_code == CONTINUE
    assert packet.properties["authentication_method"] == mechanism
    return packet.properties["authentication_data"]


def opens(stage: Stage, who: str, mechanism: str, data: bytes) -> MqttClient:
    """Open a connection with a CONNECT that names a method."""
    client = stage.dial(who, MQTT_5)
    properties = {"authentication_method": mechanism, "authentication_data": data}
    client.send(
        Connect("MQTT", MQTT_5, True, 0, f"{stage.name}-{who}", properties=properties)  # type: ignore[arg-type]
    )
    return client


def proves(who: str, mechanism: str) -> Step:
    """Connect by a mechanism as the user whom it knows, and hear that the broker knows the user too."""
    username, password = USERS[mechanism]

    def step(stage: Stage) -> None:
        scram = ScramClient(mechanism, username, password)
        client = opens(stage, who, mechanism, scram.first())
        client.send(auth(CONTINUE, mechanism, scram.final(asked(client, mechanism))))
        answer = client.receive()
        assert isinstance(answer, Connack), answer
        assert answer == connack(0, authentication_method=mechanism)
        assert scram.trusts(answer.properties["authentication_data"])

    return step


def proves_anew(who: str, mechanism: str) -> Step:
    """Authenticate again on the same connection; a ping in between is served."""
    username, password = USERS[mechanism]

    def step(stage: Stage) -> None:
        scram, client = ScramClient(mechanism, username, password), stage.clients[who]
        client.send(auth(AGAIN, mechanism, scram.first()))
        challenge = asked(client, mechanism)
        client.expect_silence()
        client.send(auth(CONTINUE, mechanism, scram.final(challenge)))
        answer = client.receive()
        assert isinstance(answer, Auth), answer
        assert answer.reason_code == 0
        assert answer.properties["authentication_method"] == mechanism
        assert scram.trusts(answer.properties["authentication_data"])

    return step


def fails(who: str, mechanism: str, username: str, password: str) -> Step:
    """Connect with a proof that does not fit: asked like everybody else, refused afterwards."""

    def step(stage: Stage) -> None:
        scram = ScramClient(mechanism, username, password)
        client = opens(stage, who, mechanism, scram.first())
        client.send(auth(CONTINUE, mechanism, scram.final(asked(client, mechanism))))
        assert client.receive() == connack(0x87)
        client.expect_closed()

    return step


def fails_anew(who: str, mechanism: str) -> Step:
    """Authenticate again with a wrong proof."""
    username, _ = USERS[mechanism]

    def step(stage: Stage) -> None:
        scram, client = ScramClient(mechanism, username, "wrong"), stage.clients[who]
        client.send(auth(AGAIN, mechanism, scram.first()))
        client.send(auth(CONTINUE, mechanism, scram.final(asked(client, mechanism))))

    return step


def names_unknown_method(who: str) -> Step:
    """Connect by a method that nobody offers."""
    return lambda stage: opens(stage, who, "GS2-KRB5", b"ticket") and None


WITH_SCRAM = (
    *(
        conversation(
            f"{mechanism} lets in who proves the password, and proves in turn",
            "4.12 [MQTT-4.12.0-2] [MQTT-4.12.0-3]",
            proves("a", mechanism),
            hears_nothing("a"),
        )
        for mechanism in USERS
    ),
    conversation(
        "a connected client authenticates anew and goes on",
        "4.12.1 [MQTT-4.12.1-1]",
        proves("a", "SCRAM-SHA-256"),
        proves_anew("a", "SCRAM-SHA-256"),
        proves_anew("a", "SCRAM-SHA-256"),
        hears_nothing("a"),
    ),
    conversation(
        "a wrong password is refused when the proof is there",
        "[MQTT-4.12.0-4]",
        fails("a", "SCRAM-SHA-1", "alice", "wrong"),
    ),
    conversation(
        "who is unknown is asked and refused like one with a wrong password",
        "[MQTT-4.12.0-4]",
        fails("a", "SCRAM-SHA-1", "nobody", "wonderland"),
    ),
    conversation(
        "a wrong proof while connected ends the connection",
        "[MQTT-4.12.1-2]",
        proves("a", "SCRAM-SHA-512"),
        fails_anew("a", "SCRAM-SHA-512"),
        hears("a", disconnect(0x87)),
        is_closed("a"),
    ),
    conversation(
        "another method than CONNECT's is a protocol error",
        "[MQTT-4.12.0-5]",
        proves("a", "SCRAM-SHA-1"),
        says("a", auth(AGAIN, "SCRAM-SHA-256", b"n,,n=bob,r=abc")),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "a method that nobody offers is a bad one",
        "[MQTT-4.12.0-1]",
        names_unknown_method("a"),
        hears("a", connack(0x8C)),
        is_closed("a"),
    ),
)
"""For a broker that knows `USERS`."""
