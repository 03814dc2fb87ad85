"""Where the two worlds meet: the thread that the broker runs on, and the door to it."""

from app.node.runner import Node

__all__ = ["Node"]
