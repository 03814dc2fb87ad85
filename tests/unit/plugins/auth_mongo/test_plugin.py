"""What `emqx_auth_mongo` refuses to be loaded with. How it works is tried on the wire in tests/e2e."""

from __future__ import annotations

import pytest

from app.plugins import ExtensionError
from app.plugins.auth_mongo import AuthMongo
from app.plugins.registry import read_config


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("server", "", "Set auth.mongo.server"),
        ("server", "127.0.0.1:1,127.0.0.1:2", "Set auth.mongo.type"),
        ("type", "rs", "Set auth.mongo.rs_set_name"),
        ("database", "", "auth.mongo.database"),
        ("auth_query.selector", "", "auth.mongo.auth_query.selector: Write FIELD=TEXT"),
        ("auth_query.selector", "$where=%u", "auth.mongo.auth_query.selector: '\\$where'"),
        ("auth_query.password_field", "$x", "auth.mongo.auth_query.password_field: '\\$x'"),
        ("auth_query.password_hash", "rot13", "auth.mongo.auth_query.password_hash"),
        ("auth_query.password_hash", "salt,sha256", "password,salt"),
        ("super_query.selector", "nobody", "auth.mongo.super_query.selector"),
        ("acl_query.selector", "$or=%u", "auth.mongo.acl_query.selector"),
        ("acl_query.selector.2", "$or=%u", "auth.mongo.acl_query.selector.2"),
        ("pool", "0", "auth.mongo.pool"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(key: str, value: str, sentence: str) -> None:
    plugin = AuthMongo()
    with pytest.raises(ExtensionError, match=sentence):
        plugin.prepare(read_config(plugin, {f"auth.mongo.{key}": value}))


def test_a_certificate_that_is_not_there_is_named_where_tls_is_wanted() -> None:
    plugin = AuthMongo()
    files = {"auth.mongo.ssl.cacertfile": "/nowhere.pem"}
    plugin.prepare(read_config(plugin, files))
    with pytest.raises(ExtensionError, match=r"auth\.mongo\.ssl\.cacertfile"):
        plugin.prepare(read_config(plugin, {**files, "auth.mongo.ssl": "on"}))


def test_questions_that_are_switched_off_are_not_asked() -> None:
    plugin = AuthMongo()
    off = {"auth.mongo.super_query": "off", "auth.mongo.acl_query": "off"}
    questions = plugin.prepare(read_config(plugin, off))
    assert (questions.super, questions.acl) == (None, None)
