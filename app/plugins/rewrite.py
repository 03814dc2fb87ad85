"""`emqx_mod_rewrite`: the broker's topic rewriting, switched on and off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.broker.rewrite import PRIORITY, Rewrite
from app.config import RewriteConfig
from app.config.messages import REWRITE_RULES, rule_order
from app.plugins.base import Context, Module


class TopicRewrite(Module):
    """Rewrites topics by rules."""

    name = "emqx_mod_rewrite"
    description = "EMQX Topic Rewrite Module"
    loaded_by_settings = True
    parameters = tuple(REWRITE_RULES.values())

    def load(self, context: Context) -> None:
        """Join in where there are rules."""
        for point, callback in Rewrite(rewrite_config(context.config)).callbacks().items():
            context.hook(point, callback, PRIORITY)


def rewrite_config(config: Mapping[str, Any]) -> RewriteConfig:
    """Return the rules that the parameters describe, in the order of their names."""
    rules = {}
    for way, row in REWRITE_RULES.items():
        prefix = row.key.removesuffix("$name")
        names = [key.removeprefix(prefix) for key in config if key.startswith(prefix)]
        ordered = [config[prefix + name] for name in sorted(names, key=rule_order)]
        rules[way] = tuple(rule for rule in ordered if rule is not None)
    return RewriteConfig(**rules)
