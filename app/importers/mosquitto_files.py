"""Mosquitto's password and ACL files, and dynamic-security.json, read into logins and rules.

Passwords stay hashed as they are. Two differences are told: Mosquitto asks its rules when a message is delivered,
Godwit as EMQX when somebody subscribes; and where Mosquitto has a file of rules, what no rule allows is denied.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.importers.acl_conf import FILE_NAME
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.importers.text_file import read_text
from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.plugins.auth_mnesia import mosquitto

_PLUGIN = "emqx_auth_mnesia"
_MAX_LOGIN = 512
_ACCESS = {"read": ("sub",), "write": ("pub",), "readwrite": ("sub", "pub"), "deny": ("sub", "pub")}
_ACL_TYPES = {"publishClientSend": "pub", "subscribePattern": "sub", "subscribeLiteral": "sub"}
_SILENT_ACL_TYPES = ("unsubscribePattern", "unsubscribeLiteral")
_NO_RULES = "%% None: rules are Mosquitto's, and what they do not allow is denied (acl_nomatch).\n"
_DELIVERY = (
    "it is asked when a message is delivered; here subscribing is what is allowed or denied."
)


def plan_passwords(path: Path) -> ImportPlan:
    """Return what Godwit can make of a password file.

    Raises:
        ImportRefusedError: The file cannot be read, or holds no login.
    """
    plan = ImportPlan()
    read_passwords(plan, path)
    return plan


def plan_acl(path: Path) -> ImportPlan:
    """Return what Godwit can make of an ACL file.

    Raises:
        ImportRefusedError: The file cannot be read, or holds no rule.
    """
    plan = ImportPlan()
    read_acl(plan, path)
    return plan


def plan_dynamic_security(path: Path) -> ImportPlan:
    """Return what Godwit can make of a dynamic-security.json.

    Raises:
        ImportRefusedError: The file cannot be read, or is none of this kind.
    """
    plan = ImportPlan()
    try:
        config = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ImportRefusedError(f"Correct {path}, which is not valid JSON: {error}.") from None
    if not isinstance(config, dict) or not isinstance(config.get("clients"), list):
        raise ImportRefusedError(f"Give a dynamic-security.json: {path} has no clients.")
    _dynamic_clients(plan, config)
    _dynamic_defaults(plan, config.get("defaultACLAccess"))
    _needs_plugin(plan)
    return plan


def read_passwords(plan: ImportPlan, path: Path) -> None:
    """Add the logins of a password file to a plan."""
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, colon, kept = text.partition(":")
        place = f"{path.name}, line {number}"
        if not colon or not name or not kept:
            plan.note(Outcome.NO_COUNTERPART, place, "it is not of the form user:password.")
            continue
        # What is no hash is a password that was never hashed; Mosquitto takes it as one, too.
        is_hash = kept.startswith(mosquitto.SIGN)
        _login(plan, place, name, kept if is_hash else mosquitto.stored_form(kept.encode()))
    if not plan.logins:
        raise ImportRefusedError(f"Give a password file: {path} has no line `user:password`.")
    _needs_plugin(plan)


def read_acl(plan: ImportPlan, path: Path) -> None:
    """Add the rules of an ACL file to a plan; what denies is asked first, as Mosquitto does."""
    user: str | None = None
    found: list[dict[str, object]] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = line.strip()
        word, _space, rest = text.partition(" ")
        place = f"{path.name}, line {number}"
        match word:
            case "" | "#":
                continue
            case "user" if rest.strip():
                user = rest.strip()
            case "topic" if user is None:
                advice = "it holds for anonymous clients alone, and rules here cannot say so."
                plan.note(Outcome.NO_COUNTERPART, place, advice)
            case "topic" | "pattern":
                found += _acl_line(plan, place, rest, None if word == "pattern" else user)
            case _ if word.startswith("#"):
                continue
            case _:
                plan.note(Outcome.NO_COUNTERPART, place, "it is no line of an ACL file.")
    if not found:
        raise ImportRefusedError(f"Give an ACL file: {path} has no rule that can be taken.")
    plan.rules += sorted(found, key=lambda rule: rule["access"] != "deny")
    _deny_the_rest(plan, path.name)
    plan.note(Outcome.NO_COUNTERPART, f"{path.name}, read", _DELIVERY)
    _needs_plugin(plan)


def _acl_line(
    plan: ImportPlan, place: str, rest: str, user: str | None
) -> Iterator[dict[str, object]]:
    first, _space, topic = rest.strip().partition(" ")
    access, topic = (first, topic.strip()) if first in _ACCESS and topic else ("readwrite", rest.strip())  # fmt: skip
    if not _is_filter(plan, place, topic):
        return
    if user is None and access == "deny":
        plan.note(
            Outcome.NO_COUNTERPART,
            place,
            "a pattern that denies would stand behind the rules of users here.",
        )
        return
    for action in _ACCESS[access]:
        yield _rule(plan, place, user, action, topic, allows=access != "deny")


def _is_filter(plan: ImportPlan, place: str, topic: str) -> bool:
    try:
        validate_topic_filter(topic)
    except InvalidTopic:
        plan.note(Outcome.NO_COUNTERPART, place, f"{topic!r} is no topic filter.")
        return False
    return True


def _rule(
    plan: ImportPlan, place: str, user: str | None, action: str, topic: str, *, allows: bool
) -> dict[str, object]:
    access = "allow" if allows else "deny"
    whom = {"type": "all"} if user is None else {"type": "username", "type_value": user}
    plan.note(Outcome.TAKEN, place, f"{access} {user or 'everybody'} {action} {topic}")
    return {**whom, "topic": topic, "action": action, "access": access}


def _login(plan: ImportPlan, place: str, name: str, kept: str) -> None:
    if not 0 < len(name) <= _MAX_LOGIN:
        advice = f"a user name has 1 to {_MAX_LOGIN} characters."
        plan.note(Outcome.NO_COUNTERPART, place, advice)
    elif not mosquitto.is_usable(kept):
        plan.note(
            Outcome.NO_COUNTERPART,
            place,
            f"the hash of {name} is of another kind than $6$ and $7$ with at most "
            f"{mosquitto.MAX_ITERATIONS} iterations; set the password anew.",
        )
    else:
        plan.logins.append({"login": name, "type": "username", "password_hash": kept})
        plan.note(Outcome.TAKEN, place, f"user {name}")


def _deny_the_rest(plan: ImportPlan, source: str) -> None:
    """Deny what no rule allows; the rules that Godwit ships, as EMQX does, would allow everything before that."""
    plan.take(source, "acl_nomatch", "deny")
    plan.files[FILE_NAME] = _NO_RULES
    plan.note(Outcome.TAKEN, source, f"{FILE_NAME} has no rules, so that nothing else is allowed.")


def _needs_plugin(plan: ImportPlan) -> None:
    text = f"logins and rules hold once {_PLUGIN} is loaded: PUT /api/v4/nodes/NODE/plugins/{_PLUGIN}/load"
    if text not in [finding.text for finding in plan.findings]:
        plan.note(Outcome.TAKEN, _PLUGIN, text)


def _dynamic_clients(plan: ImportPlan, config: Mapping[str, Any]) -> None:
    roles = {str(role.get("rolename")): role for role in _objects(config.get("roles"))}
    groups = {str(group.get("groupname")): group for group in _objects(config.get("groups"))}
    for client in _objects(config["clients"]):
        name = str(client.get("username", ""))
        place = f"clients.{name}"
        if client.get("disabled"):
            plan.note(Outcome.NO_COUNTERPART, place, "it is disabled; it is left out.")
            continue
        if client.get("clientid"):
            advice = "a user is not bound to one client id here."
            plan.note(Outcome.NO_COUNTERPART, f"{place}.clientid", advice)
        _login(plan, place, name, _dynamic_hash(client))
        for role in _roles_of(name, client, groups, roles):
            _dynamic_acls(plan, name, role)


def _dynamic_hash(client: Mapping[str, Any]) -> str:
    return f"$7${client.get('iterations')}${client.get('salt')}${client.get('password')}"


def _roles_of(
    name: str,
    client: Mapping[str, Any],
    groups: Mapping[str, Mapping[str, Any]],
    roles: Mapping[str, Mapping[str, Any]],
) -> Iterator[Mapping[str, Any]]:
    """Yield the roles of a client in the order in which they are asked: its own, then its groups'."""
    named = [str(group.get("groupname")) for group in _by_priority(client.get("groups"))]
    named += [
        group_name
        for group_name, group in groups.items()
        if any(member.get("username") == name for member in _objects(group.get("clients")))
    ]
    holders = [client, *(groups[one] for one in dict.fromkeys(named) if one in groups)]
    for holder in holders:
        for role in _by_priority(holder.get("roles")):
            if str(role.get("rolename")) in roles:
                yield roles[str(role.get("rolename"))]


def _dynamic_acls(plan: ImportPlan, user: str, role: Mapping[str, Any]) -> None:
    for acl in _by_priority(role.get("acls")):
        kind, topic = str(acl.get("acltype")), str(acl.get("topic", ""))
        place = f"roles.{role.get('rolename')}.{kind}"
        if kind in _ACL_TYPES:
            if _is_filter(plan, place, topic):
                allows = acl.get("allow") is True
                action = _ACL_TYPES[kind]
                plan.rules.append(_rule(plan, place, user, action, topic, allows=allows))
        elif kind not in _SILENT_ACL_TYPES:
            plan.note(Outcome.NO_COUNTERPART, place, f"{topic}: {_DELIVERY}")


def _dynamic_defaults(plan: ImportPlan, defaults: object) -> None:
    """One default stands for both actions here, so the stricter one is taken."""
    given = defaults if isinstance(defaults, dict) else {}
    allows = given.get("publishClientSend") is True and given.get("subscribe") is True
    if allows:
        plan.take("defaultACLAccess", "acl_nomatch", "allow")
    else:
        _deny_the_rest(plan, "defaultACLAccess")


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _by_priority(value: object) -> Sequence[Mapping[str, Any]]:
    def priority(one: Mapping[str, Any]) -> int:
        given = one.get("priority", -1)
        return -given if isinstance(given, int) else 1

    return sorted(_objects(value), key=priority)
