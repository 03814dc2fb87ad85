"""What `emqx_recon` tells of the process."""

from __future__ import annotations

import asyncio
from typing import Any

from app.plugins.host import ExtensionHost
from app.plugins.presence import Presence
from app.plugins.recon import Recon
from tests.harness.playbook import Playbook


def test_tasks_collector_threads_and_hooks_are_told() -> None:
    playbook = Playbook()
    host, recon = ExtensionHost(playbook.core), Recon()
    host.load(recon, {}, None)
    host.load(Presence(), {"module.presence.qos": 0}, None)

    async def look() -> Any:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(asyncio.sleep(0))
            return recon.look()

    found = asyncio.run(look())
    assert found["tasks"]["sleep"] == 2
    assert [one["generation"] for one in found["gc"]] == [0, 1, 2]
    assert "MainThread" in found["threads"]
    assert "emqx_mod_presence" in found["hooks"]["client.connected"]
    assert found["hooks"]["message.publish"] == []


def test_without_a_loop_there_are_no_tasks() -> None:
    playbook, recon = Playbook(), Recon()
    ExtensionHost(playbook.core).load(recon, {}, None)
    assert recon.look()["tasks"] == {}
