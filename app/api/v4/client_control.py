"""ACL caches, limits and keepalive of clients in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.broker.acl_cache import AclVerdict
from app.services import Services


def verdict_row(verdict: AclVerdict) -> dict[str, object]:
    """Return one remembered verdict as the API shows it (seed 004, GET /api/v4/clients/{clientid}/acl_cache)."""
    return {
        "access": verdict.access,
        "topic": verdict.topic,
        "result": "allow" if verdict.allowed else "deny",
        "updated_time": verdict.updated_ms,
    }


def get_acl_cache(services: Services, _call: Call, clientid: str) -> Answer:
    """Show what is remembered of a client's ACL verdicts."""
    return success([verdict_row(one) for one in services.control.acl_cache(clientid)])


def clean_acl_cache(services: Services, _call: Call, clientid: str) -> Answer:
    """Forget a client's ACL verdicts."""
    services.control.drain_acl_cache(clientid)
    return OK


def clean_acl_cache_all(services: Services, _call: Call) -> Answer:
    """Forget everybody's ACL verdicts."""
    services.control.drain_acl_caches()
    return OK


def clean_acl_cache_node(services: Services, _call: Call, node: str) -> Answer:
    """Forget the ACL verdicts of a node's clients."""
    services.control.drain_acl_caches(node)
    return OK


def set_ratelimit_policy(services: Services, call: Call, clientid: str) -> Answer:
    """Hold a client to rates."""
    services.control.limit_rate(clientid, call.params)
    return OK


def clean_ratelimit(services: Services, _call: Call, clientid: str) -> Answer:
    """Hold a client to no rates any more."""
    services.control.free_rate(clientid)
    return OK


def set_quota_policy(services: Services, call: Call, clientid: str) -> Answer:
    """Hold a client to a quota."""
    services.control.limit_quota(clientid, call.params)
    return OK


def clean_quota(services: Services, _call: Call, clientid: str) -> Answer:
    """Hold a client to no quota any more."""
    services.control.free_quota(clientid)
    return OK


def set_keepalive(services: Services, call: Call, clientid: str) -> Answer:
    """Change a client's keepalive."""
    services.control.set_keepalive(clientid, call.params)
    return OK


ENDPOINTS = (
    Endpoint(
        "v4:GET /clients/{clientid}/acl_cache",
        "get_acl_cache",
        "GET",
        "/clients/:clientid/acl_cache",
        get_acl_cache,
        "Get the ACL cache of a specified client",
    ),
    Endpoint(
        "v4:DELETE /clients/{clientid}/acl_cache",
        "clean_acl_cache",
        "DELETE",
        "/clients/:clientid/acl_cache",
        clean_acl_cache,
        "Clear the ACL cache of a specified client in the cluster",
    ),
    Endpoint(
        "v4:DELETE /acl-cache",
        "clean_acl_cache_all",
        "DELETE",
        "/acl-cache",
        clean_acl_cache_all,
        "Clean acl cache on all nodes",
    ),
    Endpoint(
        "v4:DELETE /node/{node}/acl-cache",
        "clean_acl_cache_node",
        "DELETE",
        "nodes/:node/acl-cache",
        clean_acl_cache_node,
        "Clean acl cache on specific node",
        spellings=("/node/:node/acl-cache",),
    ),
    Endpoint(
        "v4:POST /clients/{clientid}/ratelimit",
        "set_ratelimit_policy",
        "POST",
        "/clients/:clientid/ratelimit",
        set_ratelimit_policy,
        "Set the client ratelimit policy",
    ),
    Endpoint(
        "v4:DELETE /clients/{clientid}/ratelimit",
        "clean_ratelimit",
        "DELETE",
        "/clients/:clientid/ratelimit",
        clean_ratelimit,
        "Clear the ratelimit policy",
    ),
    Endpoint(
        "v4:POST /clients/{clientid}/quota",
        "set_quota_policy",
        "POST",
        "/clients/:clientid/quota",
        set_quota_policy,
        "Set the client quota policy",
    ),
    Endpoint(
        "v4:DELETE /clients/{clientid}/quota",
        "clean_quota",
        "DELETE",
        "/clients/:clientid/quota",
        clean_quota,
        "Clear the quota policy",
    ),
    Endpoint(
        "v4:PUT /clients/{clientid}/keepalive",
        "set_keepalive",
        "PUT",
        "/clients/:clientid/keepalive",
        set_keepalive,
        "Set the client keepalive",
    ),
)
