"""Result codes of the management API and the one exception that services raise.

A leaf: imports nothing from the application. `ResultCode` is the table; its text and the HTTP status that a
strict client may ask for live in the same row, so nobody spells them twice.

Source: result codes of seed 004 (section "返回码"), 116 and the body codes 400/404/500 from EMQX 4.4's sources.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ResultCode(IntEnum):
    """The `code` member of an answer, with its text and strict HTTP status."""

    text: str
    http_status: int

    def __new__(cls, value: int, text: str, http_status: int) -> Self:
        """Attach the text and the strict HTTP status to the number."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.text = text
        member.http_status = http_status
        return member

    OK = 0, "ok", 200
    BADRPC = 101, "badrpc", 503
    UNKNOWN = 102, "unknown", 500
    BAD_USERNAME_OR_PASSWORD = 103, "bad_username_or_password", 401
    EMPTY_USERNAME_OR_PASSWORD = 104, "empty_username_or_password", 400
    USER_NOT_FOUND = 105, "user_not_found", 404
    ADMIN_UNDELETABLE = 106, "admin_undeletable", 403
    MISSING_PARAMETER = 107, "missing_required_params", 400
    BAD_PARAMETER = 108, "bad_params", 400
    NOT_JSON = 109, "not_json", 400
    PLUGIN_ALREADY_LOADED = 110, "already_started", 409
    PLUGIN_NOT_LOADED = 111, "not_started", 409
    CLIENT_NOT_ONLINE = 112, "not_found", 404
    USER_EXISTS = 113, "already_existed", 409
    BAD_OLD_PASSWORD = 114, "bad_old_password", 403
    BAD_TOPIC = 115, "bad_topic", 400
    BAD_QOS = 116, "bad_qos", 400
    BAD_REQUEST = 400, "Bad Request", 400
    NOT_FOUND = 404, "Not Found", 404
    INTERNAL_ERROR = 500, "Internal Error", 500


class ServiceError(Exception):
    """What a service refuses, and why; the API's dialects turn it into bytes.

    `bare` marks the errors that EMQX answers without a `code` member (`{"message": "not_found"}`).
    """

    def __init__(self, code: ResultCode, message: str = "", *, bare: bool = False) -> None:
        """Keep the code and its text (the code's own text where none is given)."""
        self.code = code
        self.message = message or code.text
        self.bare = bare
        super().__init__(self.message)
