"""The kinds of files that can be imported, and who reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from app.importers import acl_conf, emqx_conf, hbmqtt, mosquitto_conf, mosquitto_files
from app.importers.plan import ImportPlan

READERS: Mapping[str, Callable[[Path], ImportPlan]] = MappingProxyType(
    {
        "emqx-conf": emqx_conf.plan_import,
        "acl-conf": acl_conf.plan_import,
        "mosquitto-conf": mosquitto_conf.plan_import,
        "mosquitto-passwords": mosquitto_files.plan_passwords,
        "mosquitto-acl": mosquitto_files.plan_acl,
        "mosquitto-dynsec": mosquitto_files.plan_dynamic_security,
        "hbmqtt": hbmqtt.plan_import,
    }
)
