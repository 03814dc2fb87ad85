"""`GET /status` to the byte."""

from __future__ import annotations

import pytest
from flask import Flask

from app.api import status
from app.services.nodes import NodesService
from tests.harness.fake_nodes import FakeNode, FakeNodes


@pytest.mark.parametrize(
    ("running", "code", "word"), [(True, 200, "running"), (False, 503, "not_running")]
)
def test_two_lines_tell_how_the_node_is(running, code, word):
    app = Flask(__name__, static_folder=None)
    nodes = FakeNodes(FakeNode("a@h", running=running))
    app.register_blueprint(status.create_blueprint(NodesService(nodes)))
    answer = app.test_client().get("/status")
    assert (answer.status_code, answer.content_type) == (code, "text/plain")
    assert answer.data == f"Node a@h is started\nemqx is {word}".encode()
