"""Errors of another form: those that EMQX names by a word where others have a number, and those that say why."""

from __future__ import annotations

from app.errors import ResultCode, ServiceError


class WordedError(ServiceError):
    """A refusal whose `code` is a word in the answer."""

    def __init__(self, code: ResultCode, word: str, message: str) -> None:
        """Keep the word beside the code that says what it amounts to."""
        super().__init__(code, message)
        self.word = word


class ExplainedError(ServiceError):
    """A refusal that carries, beside EMQX's one word for all of its kind, a sentence of ours."""

    def __init__(self, code: ResultCode, message: str, reason: str) -> None:
        """Keep the sentence; the answer has no code."""
        super().__init__(code, message, bare=True)
        self.reason = reason
