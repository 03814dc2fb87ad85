"""How the fourth generation says things: as minirest does, which it shares with the third."""

from __future__ import annotations

from app.api.minirest import OK, page, rows, success

__all__ = ["OK", "page", "rows", "success"]
