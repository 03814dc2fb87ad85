"""Broker state that survives the process: a journal of what the broker says, and what is made of it at the next start.

It knows the broker's port and records, and a database of its own; no web framework, services or models.
"""
