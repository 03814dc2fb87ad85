"""Subscriptions of all sessions: entered into session, routes and groups together, and taken out together."""

from __future__ import annotations

from app.broker.ports import StoredSubscription
from app.broker.router import Router, SubOptions
from app.broker.session import Session
from app.broker.shared_sub import SharedSubscriptions


def share_key(share: str | None, inner: str) -> str:
    """Return the filter as the lists show it; a queue is a group called `$queue`."""
    return inner if share is None else f"$share/{share}/{inner}"


class Subscriptions:
    """The one place that keeps sessions and routes in step."""

    def __init__(self, router: Router, shared: SharedSubscriptions) -> None:
        """Take where they are entered."""
        self._router = router
        self._shared = shared
        self._exclusive: dict[str, Session] = {}
        """Who holds a filter that was subscribed to as `$exclusive/<filter>`."""
        self.count = 0

    def claim(self, session: Session, inner: str) -> bool:
        """Let a session alone hold `$exclusive/<inner>`; False where another one does."""
        return self._exclusive.setdefault(inner, session) is session

    def is_exclusive(self, session: Session, key: str) -> bool:
        """Tell whether a session alone holds a filter."""
        return self._exclusive.get(key) is session

    def add(self, session: Session, inner: str, options: SubOptions) -> bool:
        """Subscribe a session, or change its options; True where it was not subscribed before.

        Args:
            session: whose subscription it is.
            inner: the filter without `$share/<group>/`, mountpoint included.
            options: how matching messages are wanted; `share` names the group, if any.
        """
        key = share_key(options.share, inner)
        is_new = key not in session.subscriptions
        session.subscriptions[key] = options
        if is_new:
            self.count += 1
        if options.share is None:
            self._router.add(inner, session, options)
        else:
            self._shared.add(options.share, inner, session, options)
        if session.log is not None:
            session.log.subscribed(
                StoredSubscription(key, options, self.is_exclusive(session, key))
            )
        return is_new

    def remove(self, session: Session, key: str) -> bool:
        """Unsubscribe a session from a filter as the lists show it; False where it was not subscribed."""
        options = session.subscriptions.pop(key, None)
        if options is None:
            return False
        self.count -= 1
        if session.log is not None:
            session.log.unsubscribed(key)
        if options.share is None:
            self._router.remove(key, session)
            if self._exclusive.get(key) is session:
                del self._exclusive[key]
        else:
            inner = key.removeprefix(f"$share/{options.share}/")
            self._shared.remove(options.share, inner, session)
        return True

    def remove_all(self, session: Session) -> None:
        """Unsubscribe a session from everything."""
        for key in list(session.subscriptions):
            self.remove(session, key)
