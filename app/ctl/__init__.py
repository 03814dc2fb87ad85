"""`godwit ctl`: the commands of EMQX's operators, said to a running node over its management API.

It knows the API's paths and words, the terminal, and nothing of services or the broker: a node on another machine is
as good as the one beside it.
"""
