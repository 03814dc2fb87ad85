"""What goes wrong with the journal, for those who must not load its database."""

from __future__ import annotations


class StorageError(Exception):
    """The database cannot be used; the text is one sentence that says what to do."""
