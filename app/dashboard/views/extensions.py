"""Plugins and modules: which run, switching them on and off, their settings and what they have counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import request
from flask.typing import ResponseReturnValue

from app.config.kinds import flag
from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.forms import Field
from app.dashboard.heard import heard
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.plugins.base import MODULE, PLUGIN
from app.services import Services
from app.services.extensions import ParameterRecord
from app.services.masking import MASK
from app.services.modules import ModulesService
from app.services.plugins import PluginsService

PURPOSES: Mapping[str, str] = {
    "emqx_auth_http": N_("Asks a web service who may come in and what he may do"),
    "emqx_auth_jwt": N_("Lets in who brings a signed token (JWT)"),
    "emqx_auth_ldap": N_("Looks users and their rights up in an LDAP directory"),
    "emqx_auth_mnesia": N_("Keeps users and access rules in the node's own database"),
    "emqx_auth_mongo": N_("Looks users and their rights up in MongoDB"),
    "emqx_auth_mysql": N_("Looks users and their rights up in MySQL"),
    "emqx_auth_pgsql": N_("Looks users and their rights up in PostgreSQL"),
    "emqx_auth_redis": N_("Looks users and their rights up in Redis"),
    "emqx_bridge_mqtt": N_("Bridges to other MQTT brokers, and rules that send results there"),
    "emqx_management": N_("The management API and the command line"),
    "emqx_mod_acl_internal": N_("Access rules from a file"),
    "emqx_mod_delayed": N_("Messages to $delayed/… are published later"),
    "emqx_mod_presence": N_("Tells by messages who connects and disconnects"),
    "emqx_mod_rewrite": N_("Rewrites topics by patterns"),
    "emqx_mod_slow_subs": N_("Ranks subscribers by how long messages take to reach them"),
    "emqx_mod_subscription": N_("Subscribes clients to topics when they connect"),
    "emqx_mod_topic_metrics": N_("Counts the messages of chosen topics"),
    "emqx_mod_trace": N_("Writes down what chosen clients, topics or addresses do"),
    "emqx_prometheus": N_("Metrics for Prometheus"),
    "emqx_psk_file": N_("Keys of TLS-PSK from a file"),
    "emqx_recon": N_("Looks into the node's process"),
    "emqx_reloader": N_("Reads changed files again by itself"),
    "emqx_retainer": N_("Keeps retained messages"),
    "emqx_rule_engine": N_("Rules: SQL over messages and events"),
    "emqx_sasl": N_("Enhanced authentication with SCRAM"),
    "emqx_telemetry": N_("Telemetry; it sends nothing to anybody"),
    "emqx_web_hook": N_("Tells a web server of events, and rules that send results there"),
}
"""What each is for; others say it themselves."""
TYPES = {
    "auth": N_("authentication"),
    "bridge": N_("bridge"),
    "extension": N_("extension"),
    "feature": N_("feature"),
    "protocol": N_("protocol"),
    "module": N_("module"),
}
_ONE_OF = "one of "
"""How the forms of a kind begin that is a choice of words; another one may have forms of its own."""
_STATES = (("on", N_("running")), ("off", N_("stopped")))


@dataclass(frozen=True, slots=True)
class Kind:
    """Plugins, or modules: the words and the services of their pages."""

    name: str
    path: str
    table: Table
    service: Callable[[Services], PluginsService | ModulesService]


def _table(path: str, title: str, *filters: Filter) -> Table:
    return Table(
        id=f"{path.strip('/')}-table",
        path=path,
        columns=(
            Column("name", title, sortable=True),
            Column("purpose", N_("What it is for"), on_phone=False),
            Column("state", N_("State"), sortable=True),
        ),
        filters=(Filter("name", N_("Name"), placeholder=N_("Part of it")), *filters),
    )


PLUGINS = Kind(
    PLUGIN,
    "/plugins",
    _table(
        "/plugins",
        N_("Plugin"),
        Filter(
            "type",
            N_("Type"),
            (
                ("auth", N_("authentication")),
                ("bridge", N_("bridge")),
                ("extension", N_("extension")),
                ("feature", N_("feature")),
            ),
        ),
        Filter("state", N_("State"), _STATES),
    ),
    lambda services: services.plugins,
)
MODULES = Kind(
    MODULE,
    "/modules",
    _table("/modules", N_("Module"), Filter("state", N_("State"), _STATES)),
    lambda services: services.modules,
)


def purpose_of(name: str, description: str) -> str:
    """Return what a plugin or module is for, in the reader's language."""
    return _(PURPOSES[name]) if name in PURPOSES else description


def _listing(kind: Kind) -> Callable[[Services], ResponseReturnValue]:
    def listing(services: Services) -> ResponseReturnValue:
        service = kind.service(services)
        rows = [
            {
                "name": one.name,
                "purpose": purpose_of(one.name, one.description),
                "type": getattr(one, "type", MODULE),
                "state": "on" if one.active else "off",
                "has_settings": bool(service.config(one.name)),
            }
            for one in service.list()
        ]
        view = TableView.in_memory(kind.table, kind.table.asked(), rows)
        return show(
            "pages/extensions.html",
            {kind.table.id: "pages/extensions_table.html"},
            view=view,
            kind=kind,
            types=TYPES,
        )

    listing.__name__ = kind.path.strip("/")
    return listing


# -- switching -----------------------------------------------------------------------------------------


_SAID = {
    "load": N_("{name} runs now, and after every start."),
    "unload": N_("{name} is stopped, for good."),
    "reload": N_("{name} has read its files and settings again."),
}


def _switching(kind: Kind, what: str) -> Callable[[Services], ResponseReturnValue]:
    def switch(services: Services) -> ResponseReturnValue:
        name = request.form.get("name", "")
        service = kind.service(services)
        if what == "reload":
            services.audit.note(f"{kind.name}.reload", name)
        try:
            getattr(service, what)(name)
        except ServiceError as error:
            if error.code is ResultCode.PLUGIN_ALREADY_LOADED:
                raise ServiceError(error.code, _("it runs already")) from None
            if error.code is ResultCode.PLUGIN_NOT_LOADED:
                raise ServiceError(error.code, _("it does not run")) from None
            raise
        message = _(_SAID[what]).format(name=name)
        return done(message, to=kind.path, refresh=[kind.table.id, "extension-state"])

    switch.__name__ = f"{what}_{kind.name}"
    return switch


# -- settings --------------------------------------------------------------------------------------------


def _settings(kind: Kind) -> Callable[[Services], ResponseReturnValue]:
    def settings(services: Services) -> ResponseReturnValue:
        name = request.args.get("name", "")
        service = kind.service(services)
        records = service.config(name)
        found = next((one for one in service.list() if one.name == name), None)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        fields = [(_field(one), one) for one in records]
        metrics = services.plugins.metrics(name) if kind is PLUGINS else {}
        return show(
            "pages/extension.html",
            {"extension-state": "pages/extension_state.html"},
            kind=kind,
            name=name,
            purpose=purpose_of(name, found.description),
            is_active=found.active,
            fields=fields,
            metrics=metrics,
            repeatable=services.plugins.repeatable(kind.name, name),
        )

    settings.__name__ = f"{kind.name}_settings"
    return settings


def _field(record: ParameterRecord) -> Field:
    kind = record.row.kind
    common: dict[str, Any] = {
        "name": f"p.{record.key}",
        "title": record.key,
        "description": heard(record.desc),
        "value": record.value,
    }
    if record.row.secret:
        return Field(widget="password", **common)
    if kind.name == flag.name:
        return Field(widget="choice", choices=("on", "off"), **{**common, "value": _flag(record)})
    if kind.forms.startswith(_ONE_OF) and "$" not in record.row.key:
        choices = tuple(one.strip() for one in kind.forms.removeprefix(_ONE_OF).split(","))
        return Field(widget="choice", choices=choices, **common)
    return Field(**common)


def _flag(record: ParameterRecord) -> str:
    return "on" if record.value in ("on", "true") else "off"


def _changing(kind: Kind) -> Callable[[Services], ResponseReturnValue]:
    def configure(services: Services) -> ResponseReturnValue:
        form, service = request.form, kind.service(services)
        name = form.get("name", "")
        changes = _changes(service.config(name), form)
        if not changes:
            return done(_("Nothing was changed."), to=_address(kind, name))
        try:
            service.set_config(name, changes)
        except ServiceError as error:
            if error.code is ResultCode.BAD_PARAMETER:
                raise ServiceError(ResultCode.BAD_REQUEST, error.message) from None
            raise
        return done(_("The settings of {name} are saved.", name=name), to=_address(kind, name))

    configure.__name__ = f"configure_{kind.name}"
    return configure


def _address(kind: Kind, name: str) -> str:
    return f"{kind.path}/settings?name={quote(name)}"


def _changes(records: Iterable[ParameterRecord], form: Mapping[str, str]) -> dict[str, object]:
    """Return what is another value than before; what was emptied goes back to the settings or the default."""
    changes: dict[str, object] = {}
    for one in records:
        text = form.get(f"p.{one.key}")
        shown = _field(one).value
        if text is None or text == shown or (one.row.secret and text == MASK):
            continue
        goes_back = text == "" and (one.row.default or "$" in one.row.key)
        changes[one.key] = None if goes_back else text
    key = form.get("new_key", "").strip()
    if key:
        changes[key] = form.get("new_value", "")
    return changes


def _page(kind: Kind, title: str, icon: str, order: int) -> tuple[Page, Page]:
    path = kind.path
    return (
        Page(
            name=path.strip("/"),
            title=title,
            path=path,
            view=_listing(kind),
            section=Section.MANAGE,
            icon=icon,
            order=order,
            routes=tuple(
                Route("POST", f"{path}/{what}", _switching(kind, what), Right.OPERATE)
                for what in _SAID
            ),
        ),
        Page(
            name=f"{kind.name}_settings",
            title=N_("Settings"),
            path=f"{path}/settings",
            view=_settings(kind),
            parent=path.strip("/"),
            routes=(Route("POST", f"{path}/configure", _changing(kind), Right.OPERATE),),
        ),
    )


PAGES = (
    *_page(PLUGINS, N_("Plugins"), "plug", 10),
    *_page(MODULES, N_("Modules"), "puzzle", 20),
)
