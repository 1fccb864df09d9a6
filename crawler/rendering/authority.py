"""TLS certificates for the browser of one run. They share one key, which only that browser trusts.

The key is made when it is needed and never leaves the process but for a moment: OpenSSL reads certificates from files.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import ssl
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HELD_FOR: Final = datetime.timedelta(days=2)
_MOST_HOSTS: Final = 1_000


class Authority:
    """Makes a certificate for each host that the browser asks for."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: dict[str, ssl.SSLContext] = {}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the public key in base64, as Chromium's `--ignore-certificate-errors-spki-list` takes it."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(hashlib.sha256(public).digest()).decode("ascii")

    def find_context(self, host: str) -> ssl.SSLContext:
        """Return the context by which we are a host in the eyes of the browser."""
        if host not in self._contexts:
            if len(self._contexts) >= _MOST_HOSTS:
                self._contexts.clear()
            self._contexts[host] = self._build_context(host)
        return self._contexts[host]

    def _build_context(self, host: str) -> ssl.SSLContext:
        certificate = self._sign(host).public_bytes(serialization.Encoding.PEM)
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryDirectory() as folder:  # 0700
            path = Path(folder) / "host.pem"
            path.write_bytes(key + certificate)
            context.load_cert_chain(path)
        return context

    def _sign(self, host: str) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Newsreel")])
        now = datetime.datetime.now(datetime.UTC)
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host.encode("idna").decode("ascii") if not host.isascii() else host)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + _HELD_FOR)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
