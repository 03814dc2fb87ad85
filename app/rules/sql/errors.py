"""What a statement is refused for when it is read."""

from __future__ import annotations


class SqlSyntaxError(Exception):
    """A text that is no statement: where it goes wrong, and what could have stood there."""

    def __init__(self, line: int, column: int, expected: tuple[str, ...], found: str) -> None:
        """Keep the place (both counted from 1), what was expected there and what was found."""
        self.line = line
        self.column = column
        self.expected = expected
        self.found = found
        super().__init__(line, column, expected, found)

    def __str__(self) -> str:
        """Return one sentence."""
        wanted = ", ".join(self.expected[:-1])
        wanted = f"{wanted} or {self.expected[-1]}" if wanted else "".join(self.expected)
        return f"line {self.line}, column {self.column}: expected {wanted}, found {self.found}"
