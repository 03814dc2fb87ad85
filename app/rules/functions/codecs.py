"""Encodings: base64, JSON, and Erlang's external form of terms."""

from __future__ import annotations

import base64
import binascii

from app.rules.functions.external_terms import decode_term, encode_term
from app.rules.functions.function import ANY, BINARY, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.values import Value, bytes_of, decode_json, text_of_bytes, to_json

_BLANKS = b" \t\r\n"


def base64_encode(value: str | bytes) -> str:
    """Return the base64 of a binary."""
    return base64.b64encode(bytes_of(value)).decode()


def base64_decode(value: str | bytes) -> str | bytes:
    """Return what base64 stands for; blanks in it do not count."""
    try:
        return text_of_bytes(
            base64.b64decode(bytes_of(value).translate(None, _BLANKS), validate=True)
        )
    except binascii.Error as error:
        raise RuleError(f"badarg: {error}") from None


def json_decode(value: str | bytes) -> Value:
    """Return what a JSON text says."""
    try:
        return decode_json(value)
    except ValueError as error:
        raise RuleError(f"invalid_json: {error}") from None


def term_encode(value: Value) -> str | bytes:
    """Return a value in Erlang's external form."""
    return text_of_bytes(encode_term(value))


def term_decode(value: str | bytes) -> Value:
    """Return the value that Erlang's external form stands for."""
    return decode_term(bytes_of(value))


FUNCTIONS = {
    "base64_encode": Function(base64_encode, (BINARY,)),
    "base64_decode": Function(base64_decode, (BINARY,)),
    "json_encode": Function(to_json, (ANY,)),
    "json_decode": Function(json_decode, (BINARY,)),
    "term_encode": Function(term_encode, (ANY,)),
    "term_decode": Function(term_decode, (BINARY,)),
}
