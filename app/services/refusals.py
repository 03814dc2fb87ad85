"""Errors that EMQX names by a word where others have a number: those of traces."""

from __future__ import annotations

from app.errors import ResultCode, ServiceError


class WordedError(ServiceError):
    """A refusal whose `code` is a word in the answer."""

    def __init__(self, code: ResultCode, word: str, message: str) -> None:
        """Keep the word beside the code that says what it amounts to."""
        super().__init__(code, message)
        self.word = word
