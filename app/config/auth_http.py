"""Parameters of emqx_auth_http; `unavailable` is ours.

Source: EMQX 4.4 `emqx_auth_http.conf`; `retry_times` is under its key of EMQX 4.2.
"""

from __future__ import annotations

from app.config.kinds import above_zero, any_text, choice, duration, flag, http_url, whole
from app.config.table import Setting

AUTH_REQ, SUPER_REQ, ACL_REQ = "auth_req", "super_req", "acl_req"
REQUESTS = {
    AUTH_REQ: (
        "who may come in",
        "http://127.0.0.1:80/mqtt/auth",
        "clientid=%c,username=%u,password=%P",
    ),
    SUPER_REQ: ("who is a superuser", "", "clientid=%c,username=%u"),
    ACL_REQ: (
        "what a client may do",
        "http://127.0.0.1:80/mqtt/acl",
        "access=%A,username=%u,clientid=%c,ipaddr=%a,topic=%t,mountpoint=%m",
    ),
}
"""What is asked, and the defaults of address and parameters."""


def request_key(request: str, name: str) -> str:
    """Return the key of a parameter of one of the requests."""
    return f"auth.http.{request}.{name}"


def _rows(request: str) -> tuple[Setting, ...]:
    about, url, params = REQUESTS[request]
    return (
        Setting(
            request_key(request, "url"),
            http_url,
            url,
            f"Where emqx_auth_http asks {about}; empty asks nobody.",
        ),
        Setting(
            request_key(request, "method"),
            choice("post", "get"),
            "post",
            "How: `post` sends the parameters as body, `get` behind the address.",
        ),
        Setting(
            request_key(request, "headers.$name"),
            any_text,
            "",
            "A header of that request. `content-type` decides the body's form: `application/json` or "
            "`application/x-www-form-urlencoded`, the default.",
            secret=True,
        ),
        Setting(
            request_key(request, "params"),
            any_text,
            params,
            "What is sent: `NAME=VALUE`, several with commas between them. `%u` is the user name, `%c` the client id, "
            "`%a` the address, `%r` the protocol, `%P` the password, `%p` the listener's port, `%m` the mountpoint, "
            "`%C` the CN of the certificate, `%d` its subject; "
            "of an action `%A` is 1 to subscribe and 2 to publish, and `%t` the topic.",
        ),
    )


HTTP_TIMEOUT = Setting(
    "auth.http.timeout",
    above_zero(duration),
    "5s",
    "How long such a request may take, retries included; who is not answered for is refused.",
)
HTTP_CONNECT_TIMEOUT = Setting(
    "auth.http.connect_timeout",
    above_zero(duration),
    "5s",
    "How long making a connection may take of that time.",
)
HTTP_POOL_SIZE = Setting(
    "auth.http.pool_size", whole(1, 10_000), "32", "Most connections to each of the addresses."
)
HTTP_RETRY_TIMES = Setting(
    "auth.http.request.retry_times",
    whole(0, 100),
    "3",
    "How often a request is made again whose connection broke off.",
)
HTTP_UNAVAILABLE = Setting(
    "auth.http.unavailable",
    choice("deny", "ignore"),
    "deny",
    "What becomes of clients while the service does not answer: `deny` refuses them and what they want to do, `ignore` "
    "leaves them to the next plugin, to `allow_anonymous` and `acl_nomatch`.",
)
HTTP_CACERTFILE = Setting(
    "auth.http.ssl.cacertfile",
    any_text,
    "",
    "Certificates that the service's is checked against; empty is those of the system.",
)
HTTP_CERTFILE = Setting(
    "auth.http.ssl.certfile", any_text, "", "Our own certificate, where the service asks for one."
)
HTTP_KEYFILE = Setting("auth.http.ssl.keyfile", any_text, "", "The key of our own certificate.")
HTTP_VERIFY = Setting(
    "auth.http.ssl.verify",
    flag,
    "on",
    "Whether the service's certificate is checked. Passwords go to whoever answers where it is not.",
)
HTTP_SNI = Setting(
    "auth.http.ssl.server_name_indication",
    any_text,
    "",
    "The name that the service must have, where it is not the one of its address.",
)

HTTP_ROWS = (
    *(row for request in REQUESTS for row in _rows(request)),
    HTTP_TIMEOUT,
    HTTP_CONNECT_TIMEOUT,
    HTTP_POOL_SIZE,
    HTTP_RETRY_TIMES,
    HTTP_UNAVAILABLE,
    HTTP_CACERTFILE,
    HTTP_CERTFILE,
    HTTP_KEYFILE,
    HTTP_VERIFY,
    HTTP_SNI,
)
