"""Mosquitto's command line clients against the real server: a third party's idea of MQTT."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.harness.node import NodeProcess, eventually

VERSIONS = ("mqttv31", "mqttv311", "mqttv5")
LIMIT_S = "10"
FORMAT = "%t %q %r %p"
MISSING = "install mosquitto-clients"


@pytest.fixture(autouse=True, scope="module")
def _clients() -> None:
    if shutil.which("mosquitto_pub") is None:
        if os.environ.get("CI", "").lower() in {"true", "1"}:
            pytest.fail(MISSING)
        pytest.skip(MISSING)


class Mosquitto:
    """The two programs, pointed at one server; whatever still runs at the end is killed."""

    def __init__(self, node: NodeProcess) -> None:
        self.node = node
        self._at = ["-h", "127.0.0.1", "-p", str(node.ports["tcp"])]
        self._running: list[subprocess.Popen[str]] = []

    def publish(self, *options: str) -> None:
        """Run mosquitto_pub to its end, which comes after the last acknowledgement."""
        subprocess.run(
            ["mosquitto_pub", *self._at, *options], check=True, timeout=20, capture_output=True
        )

    def start(self, clientid: str, *options: str) -> subprocess.Popen[str]:
        """Start mosquitto_sub, without waiting for anything."""
        process = subprocess.Popen(
            ["mosquitto_sub", *self._at, "-i", clientid, "-W", LIMIT_S, "-F", FORMAT, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._running.append(process)
        return process

    def subscribe(self, clientid: str, *options: str) -> subprocess.Popen[str]:
        """Start mosquitto_sub and wait until the server has its subscriptions."""
        process = self.start(clientid, *options)
        wanted = options.count("-t")
        eventually(
            lambda: len(self.node.data(f"subscriptions/{clientid}")) == wanted,
            f"the subscription of {clientid}",
        )
        return process

    def kill_all(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def mosquitto(node: NodeProcess) -> Iterator[Mosquitto]:
    programs = Mosquitto(node)
    yield programs
    programs.kill_all()


def lines(process: subprocess.Popen[str]) -> list[str]:
    """Return what a subscriber printed, once it has ended by itself."""
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    return out.splitlines()


@pytest.mark.parametrize("qos", ["0", "1", "2"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_arrives_at_every_version_and_qos(
    mosquitto: Mosquitto, version: str, qos: str
) -> None:
    """[MQTT311-7.0.0-2]"""
    topic = f"m/{version}/{qos}"
    clientid = f"m-{version}-{qos}"
    subscriber = mosquitto.subscribe(clientid, "-V", version, "-q", qos, "-t", topic, "-C", "1")
    mosquitto.publish("-V", version, "-q", qos, "-t", topic, "-m", "hello")
    assert lines(subscriber) == [f"{topic} {qos} 0 hello"]


@pytest.mark.parametrize("subscriber_version", VERSIONS)
@pytest.mark.parametrize("publisher_version", VERSIONS)
def test_versions_talk_to_each_other(
    mosquitto: Mosquitto, publisher_version: str, subscriber_version: str
) -> None:
    topic = f"m/{publisher_version}/{subscriber_version}"
    subscriber = mosquitto.subscribe(
        f"m-{publisher_version}-{subscriber_version}",
        *("-V", subscriber_version, "-q", "2", "-t", topic, "-C", "1"),
    )
    mosquitto.publish("-V", publisher_version, "-q", "2", "-t", topic, "-m", "hello")
    assert lines(subscriber) == [f"{topic} 2 0 hello"]


@pytest.mark.parametrize("version", VERSIONS)
def test_wildcards_get_what_they_match_and_nothing_else(mosquitto: Mosquitto, version: str) -> None:
    base = f"mw/{version}"
    plus = mosquitto.subscribe(
        f"mw-plus-{version}", "-V", version, "-t", f"{base}/+/end", "-C", "2"
    )
    hash_ = mosquitto.subscribe(f"mw-hash-{version}", "-V", version, "-t", f"{base}/#", "-C", "4")
    for tail in ("", "/a/end", "/a/b/end", "/b/end"):
        mosquitto.publish("-V", version, "-q", "1", "-t", base + tail, "-m", "x")
    assert lines(plus) == [f"{base}/a/end 0 0 x", f"{base}/b/end 0 0 x"]
    assert lines(hash_) == [
        f"{base} 0 0 x",
        f"{base}/a/end 0 0 x",
        f"{base}/a/b/end 0 0 x",
        f"{base}/b/end 0 0 x",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_retained_message_waits_for_subscribers_until_it_is_removed(
    mosquitto: Mosquitto, version: str
) -> None:
    topic = f"mr/{version}"
    options = ("-V", version, "-q", "1", "-t", topic)
    mosquitto.publish(*options, "-r", "-m", "kept")
    late = mosquitto.start(f"mr-late-{version}", *options, "-C", "1")
    assert lines(late) == [f"{topic} 1 1 kept"]
    mosquitto.publish(*options, "-r", "-n")
    later = mosquitto.subscribe(f"mr-later-{version}", *options, "-C", "1")
    mosquitto.publish(*options, "-m", "live")
    assert lines(later) == [f"{topic} 1 0 live"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_killed_client_leaves_its_will(mosquitto: Mosquitto, version: str) -> None:
    topic = f"mwill/{version}"
    watcher = mosquitto.subscribe(
        f"mwill-watch-{version}", "-V", version, "-q", "1", "-t", topic, "-C", "1"
    )
    doomed = mosquitto.subscribe(
        f"mwill-{version}",
        *("-V", version, "-t", f"{topic}/other"),
        *("--will-topic", topic, "--will-payload", "gone", "--will-qos", "1"),
    )
    doomed.send_signal(signal.SIGKILL)
    assert lines(watcher) == [f"{topic} 1 0 gone"]


def test_a_client_that_says_goodbye_leaves_no_will(mosquitto: Mosquitto) -> None:
    watcher = mosquitto.subscribe("mbye-watch", "-q", "1", "-t", "mbye/#", "-C", "1")
    leaving = mosquitto.subscribe(
        "mbye", "-t", "mbye-own", "--will-topic", "mbye/will", "--will-payload", "gone", "-C", "1"
    )
    mosquitto.publish("-t", "mbye-own", "-m", "leave now")
    assert lines(leaving) == ["mbye-own 0 0 leave now"]
    mosquitto.publish("-q", "1", "-t", "mbye/end", "-m", "end")
    assert lines(watcher) == ["mbye/end 1 0 end"]


def test_the_second_client_with_an_id_takes_the_place_of_the_first(mosquitto: Mosquitto) -> None:
    first = mosquitto.subscribe("mtake", "-V", "mqttv5", "-d", "-t", "mtake/first")
    second = mosquitto.start("mtake", "-V", "mqttv5", "-t", "mtake/second", "-C", "1")
    said = first.stdout
    assert said is not None
    assert any("DISCONNECT (142)" in line for line in said)
    first.kill()
    eventually(
        lambda: [s["topic"] for s in mosquitto.node.data("subscriptions/mtake")] == ["mtake/second"]
    )
    mosquitto.publish("-t", "mtake/second", "-m", "mine")
    assert lines(second) == ["mtake/second 0 0 mine"]


def test_a_session_keeps_messages_while_its_client_is_away(mosquitto: Mosquitto) -> None:
    options = ("-V", "mqttv311", "-c", "-q", "1", "-t", "maway")
    away = mosquitto.subscribe("maway", *options)
    away.terminate()
    away.communicate()
    eventually(lambda: not mosquitto.node.data("clients/maway")[0]["connected"])
    for number in range(3):
        mosquitto.publish("-q", "1", "-t", "maway", "-m", str(number))
    assert lines(mosquitto.start("maway", *options, "-C", "3")) == [
        "maway 1 0 0",
        "maway 1 0 1",
        "maway 1 0 2",
    ]
    assert mosquitto.node.api("DELETE", "/api/v4/clients/maway").body == {"code": 0}


def test_properties_of_version_5_arrive(mosquitto: Mosquitto) -> None:
    # %A %C %D %P %R: alias, content type, correlation data, user properties, response topic
    subscriber = mosquitto.subscribe(
        "mprops", "-V", "mqttv5", "-t", "mprops", "-C", "1", "-F", "%C|%D|%P|%R|%p"
    )
    mosquitto.publish(
        *("-V", "mqttv5", "-t", "mprops", "-m", "x"),
        *("-D", "publish", "content-type", "text/plain"),
        *("-D", "publish", "correlation-data", "17"),
        *("-D", "publish", "user-property", "k", "v"),
        *("-D", "publish", "response-topic", "answer/here"),
    )
    assert lines(subscriber) == ["text/plain|17|k:v|answer/here|x"]
