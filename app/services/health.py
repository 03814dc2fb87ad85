"""Is this node alive, and is it ready for clients? Two questions, since who asks them does different things.

A node that is not alive is started anew; one that is not ready is only sent nobody until it is. So what a restart
cannot mend, such as a database that is out of reach, makes a node unready and leaves it alive.
"""

from __future__ import annotations

import logging

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.errors import ServiceError
from app.models import Database
from app.node.proxy import Nodes

logger = logging.getLogger(__name__)


class HealthService:
    """Asks the node of this process, and its database."""

    def __init__(self, nodes: Nodes, database: Database) -> None:
        """Ask these."""
        self._nodes = nodes
        self._database = database
        self._database_answered = True

    def is_live(self) -> bool:
        """Tell whether the broker's loop answers."""
        return self._broker() is not None

    def ready(self) -> dict[str, bool]:
        """Return what clients need, and whether it is there.

        `broker`: the loop answers and the node is not stopping. `listeners`: all that are meant to listen do.
        `storage`: what is acknowledged can be kept. `newcomers`: nobody is turned away for want of memory.
        `database`: it answers.
        """
        broker = self._broker()
        checks = dict.fromkeys(("listeners", "storage", "newcomers"), False) | (broker or {})
        is_up = broker is not None and self._nodes.local.is_running()
        return {"broker": is_up, **checks, "database": self._database_answers()}

    def _broker(self) -> dict[str, bool] | None:
        try:
            return self._nodes.local.control.health()
        except ServiceError:
            return None

    def _database_answers(self) -> bool:
        answered_before = self._database_answered
        try:
            with self._database.reading() as session:
                session.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            self._database_answered = False
            if answered_before:
                # Who probes is told no details: he has not logged in. And he may ask every second.
                logger.warning("Not ready, since the database does not answer: %s", error)
            return False
        self._database_answered = True
        if not answered_before:
            logger.warning("The database answers again")
        return True
