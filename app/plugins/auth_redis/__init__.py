"""`emqx_auth_redis`: passwords, superusers and access rules that somebody keeps in Redis.

Redis is asked on the loop, through a driver that waits for nothing but answers; nothing of it is kept here.
"""

from app.plugins.auth_redis.plugin import AuthRedis

__all__ = ["AuthRedis"]
