"""Telemetry in the words of the fourth generation. Nothing is ever sent anywhere."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.services import Services


def get_telemetry_status(services: Services, _call: Call) -> Answer:
    """Show how the switch stands."""
    return success({"enabled": services.observers.telemetry.is_enabled()})


def enable_telemetry(services: Services, call: Call) -> Answer:
    """Set the switch."""
    services.observers.telemetry.set_enabled(call.params)
    return OK


def get_telemetry_data(services: Services, _call: Call) -> Answer:
    """Show what EMQX would report (seed 004, GET /api/v4/telemetry/data)."""
    data = services.observers.telemetry.data()
    return success(
        {
            "emqx_version": data.version,
            "license": {"edition": "community"},
            "os_name": data.os_name,
            "os_version": data.os_version,
            "otp_version": data.runtime,
            "up_time": data.up_time_ms,
            "uuid": data.uuid,
            "nodes_uuid": [],
            "active_plugins": data.active_plugins,
            "active_modules": data.active_modules,
            "num_clients": data.num_clients,
            "messages_received": data.messages_received,
            "messages_sent": data.messages_sent,
        }
    )


PLUGIN = "emqx_telemetry"
ENDPOINTS = (
    Endpoint(
        "v4:PUT /telemetry/status",
        "enable_telemetry",
        "PUT",
        "/telemetry/status",
        enable_telemetry,
        "Enable or disbale telemetry",
        plugin=PLUGIN,
    ),
    Endpoint(
        "v4:GET /telemetry/status",
        "get_telemetry_status",
        "GET",
        "/telemetry/status",
        get_telemetry_status,
        "Get telemetry status",
        plugin=PLUGIN,
    ),
    Endpoint(
        "v4:GET /telemetry/data",
        "get_telemetry_data",
        "GET",
        "/telemetry/data",
        get_telemetry_data,
        "Get reported telemetry data",
        plugin=PLUGIN,
    ),
)
