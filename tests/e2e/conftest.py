"""The running server, for all suites of this folder."""

from tests.harness.node import make_node, node

__all__ = ["make_node", "node"]
