"""`emqx_auth_http`: a web service of the operator's decides who comes in, who is a superuser, and who may do what."""

from app.plugins.auth_http.plugin import AuthHttp

__all__ = ["AuthHttp"]
