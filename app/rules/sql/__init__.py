"""The rule engine's SQL: a statement's text in, a query out that runs over the columns of an event.

`compile_sql(text)` reads and compiles once; `Query.run(columns)` is what happens per message. Nothing here knows of
rules, actions, topics that match or counters.
"""

from app.rules.sql.errors import SqlSyntaxError
from app.rules.sql.query import Query, Result, compile_sql, failure
from app.rules.terms.errors import RuleError
from app.rules.terms.scope import Columns, Context
from app.rules.terms.values import UNDEFINED

__all__ = [
    "UNDEFINED",
    "Columns",
    "Context",
    "Query",
    "Result",
    "RuleError",
    "SqlSyntaxError",
    "compile_sql",
    "failure",
]
