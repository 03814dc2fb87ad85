"""From an untrusted mapping to checked values, or to the one error that EMQX would answer.

Mandatory members that are not there are code 107, and all are named as EMQX does; a member that is
wrong is code 108, and the first one in the schema's order is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError

from app.errors import ResultCode, ServiceError


class RequestSchema(Schema):
    """The base of all request shapes; members that it does not know are ignored, as EMQX does."""

    class Meta:
        """Options of marshmallow."""

        unknown = EXCLUDE

    def read(self, params: Mapping[str, object]) -> dict[str, Any]:
        """Return the checked values, defaults filled in.

        Raises:
            ServiceError: MISSING_PARAMETER or BAD_PARAMETER, with a text that names the member.
        """
        mandatory = [key for key, required in self._keys().items() if required]
        if any(key not in params for key in mandatory):
            raise ServiceError(
                ResultCode.MISSING_PARAMETER, f"missing mandatory params: {mandatory}"
            )
        try:
            values: dict[str, Any] = self.load(params)
        except ValidationError as error:
            raise ServiceError(ResultCode.BAD_PARAMETER, self._first_message(error)) from None
        return values

    def _keys(self) -> dict[str, bool]:
        """Return the members as requests name them, in order, and whether each is mandatory."""
        return {field.data_key or name: field.required for name, field in self.load_fields.items()}

    def _first_message(self, error: ValidationError) -> str:
        messages = error.messages_dict
        return str(next(messages[key][0] for key in self._keys() if key in messages))
