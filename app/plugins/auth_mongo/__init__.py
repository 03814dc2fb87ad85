"""`emqx_auth_mongo`: passwords, superusers and access rules that somebody keeps in MongoDB.

MongoDB is asked on the loop, through a driver that waits for nothing but answers; nothing of it is kept here.
"""

from app.plugins.auth_mongo.plugin import AuthMongo

__all__ = ["AuthMongo"]
