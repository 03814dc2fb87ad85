"""Until when the certificates of the TLS listeners hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509

from app.config import ListenerConfig


class CertificatesService:
    """Reads the files that the settings name; the listeners themselves have read them, too."""

    def __init__(self, listeners: Iterable[ListenerConfig]) -> None:
        """Look after the listeners of this node."""
        self._files = {one.identifier: one.tls.certfile for one in listeners if one.tls is not None}

    def end_at_ms(self) -> Mapping[str, int | None]:
        """Return when the certificate of each TLS listener ends, in Unix milliseconds; None where it cannot be read."""
        return {identifier: _end_of(Path(file)) for identifier, file in self._files.items()}


def _end_of(file: Path) -> int | None:
    try:
        # The first is the listener's own, those that lead to its CA follow.
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None
    return int(certificate.not_valid_after_utc.timestamp() * 1000)
