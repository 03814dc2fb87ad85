"""The compiled form of the hot modules (docs/design/hot-path.md): how it is built."""
