"""Ed25519 keys of signed logs: a private key in a PEM file, the public key in every entry.

Spec: RFC 8032 (Ed25519), RFC 8410 (its keys in PEM files).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from archives.errors import SignatureError
from archives.storage.files import create_file

if TYPE_CHECKING:
    from pathlib import Path


class SigningKey:
    """A private key."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self.public = _dump_public(key.public_key())

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> SigningKey:
        """The key in a PEM file.

        Args:
            create: make one, readable by its owner alone, if there is none.

        Raises:
            SignatureError: the file is not there, holds something else, or `cryptography` is not installed.
        """
        ed25519, serialization = _load_cryptography()
        if create and not path.exists():
            data = ed25519.Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            create_file(path, data, mode=0o600)
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except FileNotFoundError as error:
            raise SignatureError(f"there is no key {path}; name the file that holds it") from error
        except (OSError, ValueError, TypeError) as error:
            raise SignatureError(f"{path} holds no private key that can be read ({error})", path=path) from error
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise SignatureError(f"the key in {path} is not of the kind Ed25519; name another file", path=path)
        return cls(key)

    def sign(self, data: bytes) -> str:
        """Sign; returns Base64."""
        return base64.b64encode(self._key.sign(data)).decode()


def load_public(path: Path) -> str:
    """The public key in a PEM file that holds it or its private key, as entries state it.

    Raises:
        SignatureError: the file holds neither.
    """
    ed25519, serialization = _load_cryptography()
    try:
        data = path.read_bytes()
        if b"PRIVATE KEY" in data:
            return SigningKey.load(path).public
        key = serialization.load_pem_public_key(data)
    except (OSError, ValueError, TypeError) as error:
        raise SignatureError(f"{path} holds no public key that can be read ({error})", path=path) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise SignatureError(f"the key in {path} is not of the kind Ed25519; name another file", path=path)
    return _dump_public(key)


def is_signed_by(public: str, data: bytes, signature: str) -> bool:
    """Return whether a signature of `data` was made with the private half of a key."""
    ed25519, _ = _load_cryptography()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - optional

    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _dump_public(key: Any) -> str:
    _, serialization = _load_cryptography()
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def _load_cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - optional
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - optional
    except ImportError as error:
        raise SignatureError('signed logs need a package that is missing; install "cryptography"') from error
    return ed25519, serialization
