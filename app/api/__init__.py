"""The management HTTP API: one package per generation, over one layer of services.

Knows Flask and words; decides nothing. What is equal in all generations (endpoints as data, login, paging, paths as
they came) stands here, how a generation says it stands in its own package.
"""

from app.api.registration import register_api

__all__ = ["register_api"]
