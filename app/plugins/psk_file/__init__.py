"""`emqx_psk_file`: keys of TLS clients that have no certificate, from a file."""

from app.plugins.psk_file.plugin import PskFile

__all__ = ["PskFile"]
