"""The tests; a package, because a client library among the witnesses brings a `tests` package of its own.

A regular package on the path wins over a folder without this file, wherever either stands.
"""
