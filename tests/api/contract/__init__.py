"""What the documents of EMQ 2, EMQ X 3 and EMQX 4 say about their management APIs, as data, and checks that read it.

`v2.json`, `v3.json`, `v4.json` (the calls), `result_codes.json` and `metrics.json` are facts taken from the documents;
`check_contract` compares answers with them, `walk` and its siblings make every call of a running server.
"""
