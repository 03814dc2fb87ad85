"""What the documents of EMQX 4 say about its management API, as data, and the checks that read it.

`v4.json` (the calls), `result_codes.json` and `metrics.json` are facts taken from the documents; `check_contract`
compares answers with them, `walk` makes every call of a running server.
"""
