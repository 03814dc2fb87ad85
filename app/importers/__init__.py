"""Readers of other brokers' files, each turned into our settings and a report.

An importer only plans: it says what it takes, what has no counterpart here, and what needs a feature
that Godwit does not have yet. Writing is a separate step (`settings_file`), so nothing changes before
the operator has read the report. Knows the settings table and nothing else.
"""
