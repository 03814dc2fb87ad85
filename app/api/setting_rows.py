"""Settings as EMQ 2 and EMQ X 3 list them; EMQX 4 has no such calls.

Source: seed 003, GET /api/v2/configs; EMQ X 3.2, GET /api/v3/configs.
"""

from __future__ import annotations

from app.services.configs import ConfigsService

DATATYPES = {"a switch": "enum", "a known choice": "enum", "a whole number in range": "integer"}
"""EMQ's word for the kinds of ours that it knows; all others are a string to it."""


def setting_rows(configs: ConfigsService) -> list[dict[str, object]]:
    """Return all settings; `datatpye` is spelt so on the wire, and clients look for it."""
    return [
        {
            "key": one.key,
            "value": one.value,
            "datatpye": DATATYPES.get(one.kind, "string"),
            "app": one.app,
        }
        for one in configs.list()
    ]


def our_key(key: str, configs: ConfigsService) -> str:
    """Return the key of ours that is meant: what is `mqtt.acl_nomatch` to EMQ 2 is `acl_nomatch` since EMQ X 3."""
    known = {one.key for one in configs.list()}
    shorter = key.removeprefix("mqtt.")
    return shorter if key not in known and shorter in known else key
