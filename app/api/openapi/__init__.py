"""One description of all calls: OpenAPI documents, made from the endpoint tables.

`document` makes them, `json_schema` says shapes in JSON Schema, `glossary` what members are called for. Knows the
tables' words (`app.api.describing`) and no generation: their tables are handed in. Nothing of it is loaded before
somebody asks for a document.
"""
