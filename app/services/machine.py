"""What this node's process and its database look like from outside: for operators, in the words of `emqx_ctl vm`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from app.models import Base, Database
from app.models.migration import current_step
from app.node import facts
from app.node.proxy import Nodes


class MachineService:
    """Reads what the kernel and the database say."""

    def __init__(self, nodes: Nodes, database: Database) -> None:
        """Ask this node, and its database."""
        self._nodes = nodes
        self._database = database

    def vm(self) -> dict[str, dict[str, object]]:
        """Return facts by their section; sizes in bytes.

        Where EMQX counts Erlang's processes and ports, connections and threads are counted, and descriptors.
        """
        node = self._nodes.local.node_info()
        return {
            "load": {
                "load1": f"{node.load1:.2f}",
                "load5": f"{node.load5:.2f}",
                "load15": f"{node.load15:.2f}",
            },
            "memory": {
                **facts.process_memory_bytes(),
                "machine_total": node.memory_total_bytes,
                "machine_used": node.memory_used_bytes,
            },
            "process": {
                "limit": node.process_available,
                "count": node.process_used,
                "threads": facts.threads(),
            },
            "io": {"max_fds": node.max_fds, "active_fds": facts.open_fds()},
            "ports": {"count": node.live_connections, "limit": node.max_fds},
        }

    def database(self) -> dict[str, object]:
        """Return what the database is, its step of the schema, and the rows of each table."""
        url = self._database.url
        with self._database.connection() as connection:
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
            step = current_step(connection)
            rows = {
                str(table.name): connection.scalar(select(func.count()).select_from(table)) or 0
                for table in Base.metadata.sorted_tables
            }
        return {
            "backend": url.get_backend_name(),
            "version": version,
            "url": url.render_as_string(hide_password=True),
            "size": _file_size(url.database) if url.get_backend_name() == "sqlite" else None,
            "schema": step,
            "tables": rows,
        }


def _file_size(path: str | None) -> int | None:
    """Return the bytes of an SQLite database; None where it is in memory."""
    if not path or not Path(path).is_file():
        return None
    return Path(path).stat().st_size
