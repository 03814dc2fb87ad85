"""Our own plugins and modules, in the order in which they are listed."""

from __future__ import annotations

from pathlib import Path

from app.plugins.acl_internal import AclInternal
from app.plugins.auth_http import AuthHttp
from app.plugins.auth_jwt import AuthJwt
from app.plugins.auth_ldap import AuthLdap
from app.plugins.auth_mnesia import AuthMnesia, MnesiaTables
from app.plugins.auth_mnesia.plugin import Fill
from app.plugins.auth_mongo import AuthMongo
from app.plugins.auth_mysql import AuthMysql
from app.plugins.auth_pgsql import AuthPgsql
from app.plugins.auth_redis import AuthRedis
from app.plugins.base import Extension
from app.plugins.delayed import DelayedPublish
from app.plugins.node_parts import Management, Prometheus, Reloader, Retainer, Telemetry
from app.plugins.presence import Presence
from app.plugins.psk_file import PskFile
from app.plugins.recon import Recon
from app.plugins.rewrite import TopicRewrite
from app.plugins.subscription import Subscription

ACL_FILE_NAME = "acl.conf"
PSK_FILE_NAME = "psk.txt"


def own_extensions(tables: MnesiaTables, fill_tables: Fill, instance_dir: Path) -> list[Extension]:
    """Return a new object of each.

    Args:
        tables: The loop's copy of credentials and rules.
        fill_tables: Sees to it that the copy is complete; called outside the loop.
        instance_dir: Where files of the operator are.
    """
    return [
        Management(),
        Retainer(),
        Prometheus(),
        Telemetry(),
        Recon(),
        Reloader(),
        AuthMnesia(tables, fill_tables),
        AuthHttp(),
        AuthJwt(),
        AuthMysql(),
        AuthPgsql(),
        AuthRedis(),
        AuthLdap(),
        AuthMongo(),
        PskFile(instance_dir / PSK_FILE_NAME),
        DelayedPublish(),
        Subscription(),
        AclInternal(instance_dir / ACL_FILE_NAME),
        TopicRewrite(),
        Presence(),
    ]
