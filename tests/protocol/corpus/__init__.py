"""Packets as data: bytes on one side, the packet meant or the fault on the other.

`row` says what a row is, the other modules hold the rows, `test_corpus` runs them. New bug, new row.
"""
