"""What `emqx_auth_redis` refuses to be loaded with. How it works is tried with real servers in tests/e2e."""

from __future__ import annotations

import pytest

from app.plugins import ExtensionError
from app.plugins.auth_redis import AuthRedis
from app.plugins.registry import read_config


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("auth.redis.server", "", "Set auth.redis.server"),
        ("auth.redis.type", "sentinel", "Set auth.redis.sentinel"),
        ("auth.redis.auth_cmd", "", "Set auth.redis.auth_cmd"),
        ("auth.redis.auth_cmd", "%u GET", "auth.redis.auth_cmd: A command begins"),
        ("auth.redis.password_hash", "rot13", "auth.redis.password_hash"),
        ("auth.redis.pool", "0", "auth.redis.pool"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(key: str, value: str, sentence: str) -> None:
    plugin = AuthRedis()
    with pytest.raises(ExtensionError, match=sentence):
        plugin.prepare(read_config(plugin, {key: value}))


def test_a_certificate_that_is_not_there_is_named_where_tls_is_wanted() -> None:
    plugin = AuthRedis()
    files = {"auth.redis.ssl.cacertfile": "/nowhere.pem"}
    plugin.prepare(read_config(plugin, files))
    with pytest.raises(ExtensionError, match=r"auth\.redis\.ssl\.cacertfile"):
        plugin.prepare(read_config(plugin, {**files, "auth.redis.ssl.enable": "on"}))
