"""The resource `bridge_mqtt`: another MQTT broker, over a pool of clients.

Source: EMQX 4.4 `emqx_bridge_mqtt_actions`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from app.broker.core import BrokerCore
from app.config.kinds import duration
from app.mqtt.packets import MQTT_3_1, MQTT_3_1_1, MQTT_5, Publish
from app.rules.addresses import address_of
from app.rules.errors import TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.mqtt_client import ClientOptions, MqttClient
from app.rules.resources.tls import TLS_PARAMS, server_name, tls_context

DEFAULT_PORT = 1883
NODE = "${node}"
KEEPALIVE_MAX_S = 65_535
PROBE = 0
"""The number of the client that looks whether the other broker lets it in."""
VERSIONS = {"mqttv3": MQTT_3_1, "mqttv4": MQTT_3_1_1, "mqttv5": MQTT_5}


class BridgeMqtt(Resource):
    """Another MQTT broker."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration.

        Raises:
            BadArguments: The address is none, or a file of TLS cannot be used.
        """
        super().__init__(spec, core)
        node = core.config.node_name
        self.mountpoint = str(spec.config["mountpoint"]).replace(NODE, node)
        self._clients = [
            MqttClient(options_of(spec.config, node, number), self._note)
            for number in range(1, spec.config["pool_size"] + 1)
        ]

    def start(self) -> None:
        """Begin to connect."""
        for client in self._clients:
            self.run(client.run())

    def _note(self) -> None:
        self.note(is_alive=any(client.is_connected for client in self._clients))

    async def publish(self, packet: Publish, sender: str) -> None:
        """Publish to the other broker.

        Args:
            packet: Without packet identifier.
            sender: Messages of one sender go over one connection, so they stay in order.

        Raises:
            TryAgain: The resource is closed.
            ActionFailed: The other broker refuses it.
        """
        if self._is_closed:
            raise TryAgain("the resource is closed")
        number = zlib.crc32(sender.encode("utf-8", "surrogatepass")) % len(self._clients)
        await self._clients[number].publish(packet)


def options_of(config: Mapping[str, Any], node: str, number: int) -> ClientOptions:
    """Return what one client of the pool connects with.

    Raises:
        BadArguments: The address is none, or a file of TLS cannot be used.
    """
    host, port = address_of(str(config["address"]), DEFAULT_PORT, "address")
    is_alone = config["pool_size"] == 1
    clientid = str(config["clientid"])
    if config["append"]:
        clientid = f"{clientid}:{node}"
    username, password = config["username"] or None, config["password"] or None
    return ClientOptions(
        host=host,
        port=port,
        # Two connections of one client id would put each other out.
        clientid=clientid if is_alone else f"{clientid}:{number}",
        proto_ver=VERSIONS[config["proto_ver"]],
        username=username,
        password=password,
        keepalive_s=min(KEEPALIVE_MAX_S, round(_seconds(config["keepalive"]))),
        reconnect_interval_s=_seconds(config["reconnect_interval"]),
        retry_interval_s=_seconds(config["retry_interval"]),
        is_bridge=config["bridge_mode"],
        # Who only looks leaves no session there; under the one client id there is, it would end what is under way.
        clean_start=number == PROBE and not is_alone,
        tls=tls_context(config) if config["ssl"] else None,
        server_name=server_name(config),
    )


def _seconds(text: object) -> float:
    return duration(str(text))


async def probe(spec: ResourceSpec, core: BrokerCore) -> None:
    """Log in to the other broker once.

    Raises:
        ResourceDown: It cannot be.
        BadArguments: The configuration cannot work.
    """
    client = MqttClient(options_of(spec.config, core.config.node_name, PROBE), _nobody_cares)
    try:
        await client.connect()
    finally:
        client.disconnect()


def _nobody_cares() -> None:
    """Hear that a connection has come or gone, while somebody waits for it anyway."""


def _time(name: str, default: str, title: Words, description: Words) -> Param:
    return Param(name, "string", title, description, default=default, format="duration")


PARAMS: tuple[Param, ...] = (
    Param(
        "address", "string", Words("Broker Address", "远程 broker 地址"),
        Words("host:port of the other broker.", "远程 MQTT Broker 的地址，host:port"),
        required=True, default="127.0.0.1:1883", format="address",
    ),
    Param(
        "pool_size", "number", Words("Pool Size", "连接池大小"),
        Words("How many connections there are to the other broker.", "到远程 broker 的连接数"),
        required=True, default=8, format="count",
    ),
    Param(
        "clientid", "string", Words("ClientId", "客户端 Id"),
        Words("The client id that we connect with.", "连接远程 Broker 的客户端 Id"),
        required=True, default="client",
    ),
    Param(
        "append", "boolean", Words("Append GUID", "附加 GUID"),
        Words("Whether the name of the node is put behind the client id.", "是否在客户端 Id 后附加节点名"),
        default=True,
    ),
    Param(
        "username", "string", Words("Username", "用户名"),
        Words("The user name that we connect with.", "连接远程 Broker 的用户名"), default="",
    ),
    Param(
        "password", "password", Words("Password", "密码"),
        Words("The password that we connect with.", "连接远程 Broker 的密码"), default="",
    ),
    Param(
        "mountpoint", "string", Words("Bridge MountPoint", "桥接挂载点"),
        Words(
            "Put before the topic of every message; ${node} is the name of the node.",
            "加在每条消息主题之前的前缀，${node} 为节点名",
        ),
        default="bridge/aws/${node}/",
    ),
    Param(
        "disk_cache", "string", Words("Disk Cache", "磁盘缓存"),
        Words(
            "Whether results wait on disk and survive a restart, where their action does not say; it holds for rules "
            "made or started afterwards.",
            "动作未指定时，结果是否缓存到磁盘；对之后创建或启动的规则生效",
        ),
        default="off", enum=("on", "off"),
    ),
    Param(
        "proto_ver", "string", Words("Protocol Version", "协议版本"),
        Words("The version of MQTT that we speak.", "MQTT 协议版本"),
        default="mqttv4", enum=tuple(VERSIONS),
    ),
    _time(
        "keepalive", "60s", Words("Keepalive", "心跳间隔"),
        Words("How often we give a sign of life.", "心跳间隔"),
    ),
    _time(
        "reconnect_interval", "30s", Words("Reconnect Interval", "重连间隔"),
        Words("The longest pause before we connect again.", "重连的最长间隔"),
    ),
    _time(
        "retry_interval", "20s", Words("Retry interval", "重传间隔"),
        Words(
            "After this time without an acknowledgement we connect anew and send again.",
            "超过此时间未收到应答则重新连接并重传",
        ),
    ),
    Param(
        "bridge_mode", "boolean", Words("Bridge Mode", "桥接模式"),
        Words("Whether we say that we are a bridge.", "是否以桥接模式连接"), default=False,
    ),
    Param(
        "ssl", "boolean", Words("Bridge SSL", "启用 SSL"),
        Words("Whether the connection is encrypted.", "是否启用 TLS"), default=False,
    ),
    *TLS_PARAMS,
)  # fmt: skip


def _make(spec: ResourceSpec, core: BrokerCore) -> Resource:
    return BridgeMqtt(spec, core)


BRIDGE_MQTT = ResourceType(
    "bridge_mqtt",
    "emqx_bridge_mqtt",
    Words("MQTT Bridge", "MQTT Bridge"),
    Words("Another MQTT broker.", "MQTT 消息桥接"),
    PARAMS,
    _make,
    probe,
)
