"""The module: it reads the file, and asks the rules when nobody before it had an answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.broker.client_info import ClientInfo
from app.broker.hooks import Stop
from app.broker.reasons import because
from app.config.extensions import ACL_FILE
from app.plugins.acl_internal.language import RuleError, parse_rules
from app.plugins.acl_internal.rules import RuleSet
from app.plugins.base import Context, ExtensionError, Module

log = logging.getLogger(__name__)

PRIORITY = -1
"""Behind everybody else, as in EMQX."""
SHIPPED_RULES = """\
%% Who may publish and subscribe to what. The first rule that fits decides.
%% After a change: PUT /api/v4/modules/emqx_mod_acl_internal/reload

{allow, {user, "dashboard"}, subscribe, ["$SYS/#"]}.

{allow, {ipaddr, "127.0.0.1"}, pubsub, ["$SYS/#", "#"]}.

{deny, all, subscribe, ["$SYS/#", {eq, "#"}]}.

{allow, all}.
"""
"""As EMQX ships them."""


class AclInternal(Module):
    """Access rules from a file."""

    name = "emqx_mod_acl_internal"
    description = "EMQX Internal ACL Module"
    loaded_by_default = True
    guards = True
    parameters = (ACL_FILE,)

    def __init__(self, default_file: Path) -> None:
        """Take the file that is meant where no other is named."""
        self._default_file = default_file
        self._file = default_file
        self._read_ns: int | None = None

    @property
    def file(self) -> Path:
        """Return the file that was read last, or that would be read."""
        return self._file

    def prepare(self, config: Mapping[str, Any]) -> RuleSet:
        """Read the file.

        Raises:
            ExtensionError: It cannot be read, or is no rule file.
        """
        named = config[ACL_FILE.key]
        self._file = path = Path(named) if named else self._default_file
        self._read_ns = _changed_ns(path)
        try:
            text = path.read_text("utf-8") if named else self._default_text()
            return RuleSet(parse_rules(text))
        except RuleError as error:
            raise ExtensionError(f"Correct {path}, {error}.") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise ExtensionError(
                f"Make {path} readable, or set {ACL_FILE.key}: {reason}."
            ) from None

    def is_outdated(self) -> bool:
        """Tell whether the file was changed since it was last read, well or badly; any thread may ask."""
        now_ns = _changed_ns(self._file)
        return now_ns is not None and now_ns != self._read_ns

    def load(self, context: Context) -> None:
        """Answer what nobody before had an answer to."""
        rules: RuleSet = context.prepared
        where = context.config[ACL_FILE.key] or self._default_file.name

        def check_acl(client: ClientInfo, action: str, topic: str, _verdict: object) -> Stop | None:
            rule = rules.find(client, action, topic)
            if rule is None:
                because("no rule of %s is about it", where)
                return None
            because("line %s of %s: %s", rule.line, where, rule.text)
            return Stop(rule.allows)

        def check_subscribe(client: ClientInfo, topic: str, verdict: object) -> Stop | None:
            return check_acl(client, "subscribe", topic, verdict)

        if context.core.access.allow_unmatched and not rules.denies_publishing:
            # Where everybody may publish in any case, no message has to wait for being asked about.
            context.hook("client.check_acl_subscribe", check_subscribe, PRIORITY)

            def explain_publish(*asked: Any) -> Stop | None:
                return check_acl(*asked) if asked[1] == "publish" else None

            context.hook("client.explain_acl", explain_publish, PRIORITY)
        else:
            context.hook("client.check_acl", check_acl, PRIORITY)

    def _default_text(self) -> str:
        try:
            return self._default_file.read_text("utf-8")
        except FileNotFoundError:
            pass
        try:
            self._default_file.write_text(SHIPPED_RULES, "utf-8")
            self._read_ns = _changed_ns(self._default_file)
        except OSError as error:
            # The rules hold all the same; there is only no file to change them in.
            log.warning("%s cannot be made: %s", self._default_file, error.strerror)
        return SHIPPED_RULES


def _changed_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
