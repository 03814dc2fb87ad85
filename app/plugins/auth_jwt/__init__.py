"""`emqx_auth_jwt`: clients come in with a signed token, which may also say what they may do, and until when."""

from app.plugins.auth_jwt.plugin import AuthJwt

__all__ = ["AuthJwt"]
