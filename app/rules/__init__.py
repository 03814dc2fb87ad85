"""The rule engine: statements over messages and events, and what is done with what they select.

A room of its own above the broker: it knows the broker's types and hooks, and neither services, tables nor the web.
"""
