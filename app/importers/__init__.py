"""Readers of other brokers' files, each turned into our settings, logins and rules, and a report.

An importer only plans: it says what it takes, what has no counterpart here, and what needs a feature
that Godwit does not have yet. Writing is a separate step (`applying`), so nothing changes before the
operator has read the report.
"""
