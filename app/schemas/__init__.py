"""The shapes of what comes in: one file per entity, shared by the API's generations and by import.

A schema knows types, lengths and EMQX's texts; it looks nothing up.
"""
