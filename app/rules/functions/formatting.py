r"""`sprintf`: Erlang's `io_lib:format`, and how Erlang writes terms.

A directive is `~F.P.PadModC`: a field width (to the right, or to the left where negative), a precision, a character to
fill with, modifiers (`t`, `l`), and what to write: `~s ~p ~w ~b ~B ~x ~X ~# ~+ ~f ~e ~g ~c ~n ~i ~~`.

Source: Erlang's `io` module, "fwrite".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.rules.functions.function import LIST, TEXT, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.values import (
    MAX_TEXT,
    Value,
    atom_to_text,
    bytes_of,
    finite,
    to_text,
)

MAX_WIDTH = 65_536

_DIRECTIVE = re.compile(r"~(-?[0-9]+|\*)?(?:\.(-?[0-9]+|\*)?(?:\.(.))?)?([tlkK]*)(.)", re.DOTALL)
_ATOM = re.compile(r"[a-z][a-zA-Z0-9_@]*")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def sprintf_s(template: str, values: list[Value]) -> str:
    """Return a text with each directive replaced by the next value.

    Raises:
        RuleError: there are more or fewer values than directives, or one cannot be written so.
    """
    left = iter(values)
    pieces: list[str] = []
    end = length = 0
    for match in _DIRECTIVE.finditer(template):
        pieces += (_plain(template[end : match.start()]), _written(match, left))
        length += len(pieces[-1])
        if length > MAX_TEXT:
            raise RuleError("system_limit: a text of too many characters")
        end = match.end()
    pieces.append(_plain(template[end:]))
    if next(left, None) is not None:
        raise RuleError("badarg: more values than sprintf writes")
    return "".join(pieces)


def _plain(text: str) -> str:
    if "~" in text:
        raise RuleError("badarg: sprintf does not know a directive")
    return text


@dataclass(frozen=True, slots=True)
class _Shape:
    """Width, precision and filling of one directive."""

    width: int | None
    precision: int | None
    fill: str


def _written(match: re.Match[str], values: Iterator[Value]) -> str:
    width, precision, fill, _modifiers, letter = match.groups()
    shape = _Shape(_number(width, values), _number(precision, values), fill or " ")
    if letter in "~n":
        return ("~" if letter == "~" else "\n") * abs(shape.width or 1)
    if letter == "i":
        _next(values)
        return ""
    writer = _WRITERS.get(letter)
    if writer is None:
        raise RuleError(f"badarg: sprintf knows no ~{letter}")
    return _adjusted(*writer(shape, _next(values), values))


def _number(text: str | None, values: Iterator[Value]) -> int | None:
    if text is None:
        return None
    number = _next(values) if text == "*" else int(text[:9])
    if type(number) is not int or abs(number) > MAX_WIDTH:
        raise RuleError("badarg: a width that sprintf does not take")
    return number


def _next(values: Iterator[Value]) -> Value:
    for value in values:
        return value
    raise RuleError("badarg: fewer values than sprintf writes")


def _adjusted(text: str, shape: _Shape) -> str:
    """Return a text at its width; one that does not fit there is stars, unless it may be cut."""
    width = shape.width
    if width is None:
        return text
    if len(text) > abs(width):
        return "*" * abs(width)
    return text.rjust(width, shape.fill) if width >= 0 else text.ljust(-width, shape.fill)


_Written = tuple[str, _Shape]


def _text(shape: _Shape, value: Value, _values: Iterator[Value]) -> _Written:
    """`~s`: a text, or a list of characters; cut to the precision, or to the width where there is none."""
    if not isinstance(value, str | bytes | list | bool) and value is not None:
        raise RuleError("badarg: ~s writes texts")
    found = to_text(value)
    text = found if isinstance(found, str) else found.decode("latin-1")
    most = shape.precision if shape.precision is not None else shape.width
    return (text if most is None else text[: abs(most)]), shape


def _term(shape: _Shape, value: Value, _values: Iterator[Value]) -> _Written:
    return term_text(value), _Shape(shape.width or None, None, shape.fill)


def _term_plain(shape: _Shape, value: Value, _values: Iterator[Value]) -> _Written:
    return term_text(value, pretty=False), shape


def _integer(*, upper: bool, prefix: str = "", named: bool = False) -> _Writer:
    def write(shape: _Shape, value: Value, values: Iterator[Value]) -> _Written:
        base = shape.precision or 10
        if type(value) is not int or not 2 <= base <= 36:
            raise RuleError("badarg: an integer in a base from 2 to 36 is written so")
        before = prefix
        if named:
            given = to_text(_next(values))
            before = given if isinstance(given, str) else given.decode("latin-1")
        sign, number = ("-" if value < 0 else ""), abs(value)
        digits = _in_base(number, base)
        body = f"{sign}{before.replace('BASE', str(base))}{digits.upper() if upper else digits}"
        return body, shape

    return write


def _in_base(number: int, base: int) -> str:
    if base == 10:
        return str(number)
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _float(kind: str, least: int) -> _Writer:
    def write(shape: _Shape, value: Value, _values: Iterator[Value]) -> _Written:
        if type(value) is not float and type(value) is not int:
            raise RuleError(f"badarg: ~{kind} writes numbers")
        precision = 6 if shape.precision is None else shape.precision
        if not least <= precision <= 253:
            raise RuleError("badarg: a precision that sprintf does not take")
        number = finite(float(value))
        if kind == "f" or (kind == "g" and (number == 0 or 0.1 <= abs(number) < 10_000)):
            places = precision if kind == "f" else max(1, precision - _whole_digits(number))
            return f"{number:.{places}f}", shape
        mantissa, _, exponent = f"{number:.{precision - 1}e}".partition("e")
        return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0') or '0'}", shape

    return write


def _whole_digits(number: float) -> int:
    return len(str(int(abs(number)))) if abs(number) >= 1 else 0


def _character(shape: _Shape, value: Value, _values: Iterator[Value]) -> _Written:
    """`~c`: a character, as often as the precision says, or the width where there is none."""
    if type(value) is not int or not 0 <= value <= 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        raise RuleError("badarg: ~c writes the number of a character")
    times = shape.precision if shape.precision is not None else shape.width
    return chr(value) * abs(1 if times is None else times), shape


_Writer = Callable[[_Shape, Value, Iterator[Value]], _Written]

_WRITERS: dict[str, _Writer] = {
    "s": _text,
    "p": _term,
    "P": _term,
    "w": _term_plain,
    "W": _term_plain,
    "b": _integer(upper=False),
    "B": _integer(upper=True),
    "x": _integer(upper=False, named=True),
    "X": _integer(upper=True, named=True),
    "#": _integer(upper=True, prefix="BASE#"),
    "+": _integer(upper=False, prefix="BASE#"),
    "f": _float("f", 1),
    "e": _float("e", 2),
    "g": _float("g", 2),
    "c": _character,
}


def term_text(value: Value, *, pretty: bool = True) -> str:
    """Return a value as Erlang's shell writes it: `[1,<<"a">>,#{<<"k">> => true}]`.

    Args:
        value: what to write.
        pretty: texts are written as texts where they are printable, otherwise as bytes.
    """
    if type(value) is str or type(value) is bytes:
        return _binary_text(value, pretty=pretty)
    if type(value) is list:
        return f"[{','.join(term_text(item, pretty=pretty) for item in value)}]"
    if type(value) is dict:
        pairs = (
            f"{term_text(key, pretty=pretty)} => {term_text(item, pretty=pretty)}"
            for key, item in sorted(value.items())
        )
        return f"#{{{','.join(pairs)}}}"
    if type(value) is float:
        return _shortest(value)
    return atom_to_text(value)


def _binary_text(value: str | bytes, *, pretty: bool) -> str:
    data = bytes_of(value)
    if pretty and all(32 <= byte < 127 or byte in b"\t\n\r" for byte in data):
        escaped = data.decode().replace("\\", "\\\\").replace('"', '\\"')
        for raw, name in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
            escaped = escaped.replace(raw, name)
        return f'<<"{escaped}">>'
    return f"<<{','.join(map(str, data))}>>"


def _shortest(value: float) -> str:
    """Return the fewest digits that mean a float, with Erlang's point in front of an exponent."""
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    if not mark:
        return text
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{exponent.removeprefix('+').replace('-0', '-')}"


def _sprintf(template: str, *values: Value) -> str:
    return sprintf_s(template, list(values))


FUNCTIONS = {
    "sprintf": Function(_sprintf, (TEXT,), takes_more=True),
    "sprintf_s": Function(sprintf_s, (TEXT, LIST)),
}
