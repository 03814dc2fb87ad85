"""Compression in three wrappings: gzip's, none, and zlib's. What unpacks to too much is not unpacked."""

from __future__ import annotations

import zlib

from app.rules.functions.function import BINARY, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.values import MAX_TEXT, bytes_of, text_of_bytes

_GZIP, _RAW, _ZLIB = zlib.MAX_WBITS | 16, -zlib.MAX_WBITS, zlib.MAX_WBITS


def _packs(wrapping: int) -> Function:
    def pack(value: str | bytes) -> str | bytes:
        packer = zlib.compressobj(wbits=wrapping)
        return text_of_bytes(packer.compress(bytes_of(value)) + packer.flush())

    return Function(pack, (BINARY,))


def _unpacks(wrapping: int) -> Function:
    def unpack(value: str | bytes) -> str | bytes:
        unpacker = zlib.decompressobj(wbits=wrapping)
        try:
            data = unpacker.decompress(bytes_of(value), MAX_TEXT)
        except zlib.error as error:
            raise RuleError(f"data_error: {error}") from None
        if not unpacker.eof:
            raise RuleError("data_error: the data ends too early, or is too much")
        return text_of_bytes(data)

    return Function(unpack, (BINARY,))


FUNCTIONS = {
    "gzip": _packs(_GZIP),
    "gunzip": _unpacks(_GZIP),
    "zip": _packs(_RAW),
    "unzip": _unpacks(_RAW),
    "zip_compress": _packs(_ZLIB),
    "zip_uncompress": _unpacks(_ZLIB),
}
