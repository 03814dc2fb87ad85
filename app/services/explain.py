"""Why somebody may or may not come in, publish or subscribe: asked of the node where he is, or of this one."""

from __future__ import annotations

from collections.abc import Mapping

from app.broker.explaining import Explanation, Question
from app.node.proxy import Nodes
from app.schemas.explain import ExplainWanted


class ExplainService:
    """Asks a node's own checks. Request threads share it."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def explain(self, params: Mapping[str, object]) -> Explanation:
        """Return every check that is passed on the way, and what comes of them.

        Args:
            params: `clientid`, and `username`, `password`, `peerhost`, `action` and `topic` where wanted. Of a client
                that is connected under this id, and with these names where they are given, what is known is taken.

        Raises:
            ServiceError: A member is missing or wrong, or the node did not answer in time.
        """
        values = ExplainWanted().read(params)
        password = values.pop("password", None)
        question = Question(password=None if password is None else password.encode(), **values)
        found = [node.control.explain(question) for node in self._nodes.all()]
        return next((one for one in found if one.is_connected), found[0])
