"""Certificates of a test's own: a CA, what it signs, and files that servers and clients can be given."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)
ATTRIBUTES = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "CN": NameOID.COMMON_NAME,
}


class Authority:
    """A CA whose certificates and keys are PEM files in one folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = subject_of({"CN": f"Godwit test {name}"})
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        built = self._begin(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        built = built.add_extension(usage, critical=True).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
        )
        self.certfile = folder / f"{name}.pem"
        signed = built.sign(self._key, hashes.SHA256())
        self.certfile.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, password: str = "", **subject: str) -> Pair:
        """Return a certificate for 127.0.0.1 and localhost, its files called `name`.

        Args:
            name: Stem of the file names, and the CN where `subject` says none.
            password: What the key is encrypted with; empty leaves it open.
            subject: Attributes of the subject by their short names, in order.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        owner = subject_of(subject or {"CN": name})
        built = self._begin(owner, key).add_extension(alternatives, critical=False)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = built.add_extension(signer, critical=False).sign(self._key, hashes.SHA256())
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        pair.certfile.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        secret = serialization.BestAvailableEncryption(password.encode()) if password else None
        pair.keyfile.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                secret or serialization.NoEncryption(),
            )
        )
        return pair

    def _begin(self, owner: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(owner)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )


class Pair:
    """A certificate and its key."""

    def __init__(self, certfile: Path, keyfile: Path) -> None:
        self.certfile = certfile
        self.keyfile = keyfile

    def replace(self, other: Pair) -> None:
        """Put another certificate and key in the place of these."""
        for own, new in ((self.keyfile, other.keyfile), (self.certfile, other.certfile)):
            own.write_bytes(new.read_bytes())


def subject_of(attributes: dict[str, str]) -> x509.Name:
    """Return a subject of these attributes, by their short names."""
    return x509.Name([x509.NameAttribute(ATTRIBUTES[name], v) for name, v in attributes.items()])
