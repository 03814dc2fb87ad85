"""House rules that no linter knows, run by `make check`."""
