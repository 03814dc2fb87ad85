"""TLS of a listener: the context that its handshakes use, made anew when a file changes, and a client's own names.

Knows files and settings, not sockets. A connection keeps the context that it came in with; that is how certificates
change without anybody being dropped.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.config import TlsConfig

logger = logging.getLogger(__name__)

VERSIONS = {"tlsv1.2": ssl.TLSVersion.TLSv1_2, "tlsv1.3": ssl.TLSVersion.TLSv1_3}
HAS_PSK: bool = getattr(ssl, "HAS_PSK", False)
"""Whether TLS takes pre-shared keys: with Python 3.13 and newer."""
ALPN = {"ssl": ["mqtt"], "wss": ["http/1.1"]}

ATTRIBUTES = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}
"""Short names of RFC 4514; others are called by their long names."""

FindKey = Callable[[str], bytes | None]
Stamp = tuple[tuple[int, int, int], ...]


def knows_nobody(_identity: str) -> None:
    """Return no pre-shared key."""


class CertificateError(OSError):
    """Files that make no TLS listener; the text is one sentence that says what to do."""


class Certificates:
    """The TLS context of one listener, true to its files."""

    def __init__(
        self, key: str, config: TlsConfig, protocol: str, find_key: FindKey = knows_nobody
    ) -> None:
        """Read the files of the listener with this settings key.

        Args:
            key: The settings key.
            config: The listener's settings.
            protocol: Of the listener.
            find_key: Returns the pre-shared key of an identity, as things are when a client comes.

        Raises:
            CertificateError: They cannot be used.
        """
        self._key = key
        self._config = config
        self._protocol = protocol
        self._find_key = find_key
        self._stamp = stamp_of(config)
        self.context = make_context(key, config, protocol, find_key)

    def refresh(self) -> None:
        """Read the files again if one of them changed since the last look."""
        stamp = stamp_of(self._config)
        if stamp != self._stamp:
            self._stamp = stamp
            self.reload()

    def reload(self) -> bool:
        """Read the files again; False where they cannot be used and the old certificates stay."""
        try:
            self.context = make_context(self._key, self._config, self._protocol, self._find_key)
        except CertificateError as error:
            logger.warning("%s keeps its old certificates. %s", self._key, error)
            return False
        logger.info("%s has read its certificates again", self._key)
        return True


def make_context(
    key: str, config: TlsConfig, protocol: str, find_key: FindKey = knows_nobody
) -> ssl.SSLContext:
    """Return a context for new connections; the arguments are those of `Certificates`.

    Raises:
        CertificateError: A file cannot be read, or holds something else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chosen = [VERSIONS[name] for name in config.tls_versions]
    context.minimum_version, context.maximum_version = min(chosen), max(chosen)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(ALPN[protocol])
    if config.psk_ciphers:
        _demand_key(context, key, config, find_key)
    elif config.ciphers:
        _choose_ciphers(context, f"{key}.ciphers", config.ciphers)
    _load_certificate(context, key, config)
    if config.verify == "verify_peer":
        _load_cas(context, key, config)
        must_show = config.fail_if_no_peer_cert
        context.verify_mode = ssl.CERT_REQUIRED if must_show else ssl.CERT_OPTIONAL
    return context


def _choose_ciphers(context: ssl.SSLContext, key: str, names: str) -> None:
    try:
        context.set_ciphers(names.replace(",", ":").replace(" ", ""))
    except ssl.SSLError:
        raise CertificateError(
            f"Set {key} to names that OpenSSL knows, or leave it empty."
        ) from None


def _demand_key(context: ssl.SSLContext, key: str, config: TlsConfig, find_key: FindKey) -> None:
    """Let nobody through the handshake who has no pre-shared key."""
    if not HAS_PSK:
        raise CertificateError(
            f"Leave {key}.psk_ciphers empty, or run Godwit with Python 3.13 or newer: only its TLS takes "
            "pre-shared keys."
        )
    if "tlsv1.2" not in config.tls_versions:
        raise CertificateError(
            f"Add tlsv1.2 to {key}.tls_versions, which {key}.psk_ciphers are for."
        )
    # Ciphers of TLS 1.3 are all for certificates.
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    _choose_ciphers(context, f"{key}.psk_ciphers", config.psk_ciphers)

    def find(identity: str | None) -> bytes:
        # No bytes at all end the handshake.
        return (None if identity is None else find_key(identity)) or b""

    # The types of older Pythons do not know it.
    getattr(context, "set_psk_server_callback")(find)  # noqa: B009


def _load_certificate(context: ssl.SSLContext, key: str, config: TlsConfig) -> None:
    # OpenSSL's own messages for a missing file name no file.
    for name, path in (("certfile", config.certfile), ("keyfile", config.keyfile)):
        _check_readable(f"{key}.{name}", path)
    try:
        # A password is always given: without one OpenSSL would ask for it at a terminal.
        context.load_cert_chain(config.certfile, config.keyfile, lambda: config.key_password)
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError(
            f"Set {key}.certfile and {key}.keyfile to PEM files of one certificate and its key, and "
            f"{key}.key_password to its password if it has one ({_reason(error)})."
        ) from None


def _load_cas(context: ssl.SSLContext, key: str, config: TlsConfig) -> None:
    _check_readable(f"{key}.cacertfile", config.cacertfile)
    try:
        context.load_verify_locations(config.cacertfile)
    except ssl.SSLError as error:
        raise CertificateError(
            f"Set {key}.cacertfile to a PEM file of CA certificates ({_reason(error)})."
        ) from None


def _check_readable(key: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "unknown"
        raise CertificateError(
            f"Set {key} to a file that the user that runs Godwit can read instead of {path} ({reason})."
        ) from None


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or "not in PEM form"
    return str(reason).lower().replace("_", " ")


def stamp_of(config: TlsConfig) -> Stamp:
    """Return a mark that changes whenever one of the files does."""
    return tuple(_stamp(path) for path in (config.certfile, config.keyfile, config.cacertfile))


def _stamp(path: str) -> tuple[int, int, int]:
    try:
        facts = Path(path).stat()
    except OSError:
        return (0, 0, 0)
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)


def names_in(certificate: dict[str, Any] | None) -> dict[str, str]:
    """Return the `cn` and the `dn` of a verified certificate, in Python's form of it; empty where there is none."""
    if not certificate:
        return {}
    subject = certificate.get("subject", ())
    names = {"dn": ",".join(_relative_name(parts) for parts in reversed(subject))}
    for parts in subject:
        for name, value in parts:
            if name == "commonName":
                names["cn"] = value
    return {kind: name for kind, name in names.items() if name}


def _relative_name(parts: tuple[tuple[str, str], ...]) -> str:
    return "+".join(f"{ATTRIBUTES.get(name, name)}={_escaped(value)}" for name, value in parts)


def _escaped(value: str) -> str:
    """Escape a value as RFC 4514 2.4 wants it, so that no certificate can spell another one's name."""
    text = "".join(f"\\{char}" if char in '",+;<>\\' else char for char in value)
    if text[:1] in {"#", " "}:
        text = f"\\{text}"
    if len(text) > 1 and text.endswith(" "):
        text = f"{text[:-1]}\\ "
    return text
