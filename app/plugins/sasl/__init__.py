"""`emqx_sasl`: SCRAM as a method of enhanced authentication, with users that the node itself keeps.

The database is the truth and belongs to services; here is the copy that the loop asks.
"""

from app.plugins.sasl.plugin import Sasl
from app.plugins.sasl.tables import SaslTables

__all__ = ["Sasl", "SaslTables"]
