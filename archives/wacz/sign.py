"""Anonymous signatures of WACZ files: proof that the file comes from a key's owner and is unchanged.

The key is a pair on the curve P-384, the one that ReplayWeb.page checks. Its public half travels in the file, so a
signature says *the same as before*, not *who*. Needs the package `cryptography`.

Spec: WACZ Signing and Verification 0.1.0.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from archives.errors import PackageError
from archives.storage.files import create_file

if TYPE_CHECKING:
    from pathlib import Path


def load_key(path: Path) -> Any:
    """The private key in a PEM file, which is made, readable by its owner alone, if there is none.

    Raises:
        PackageError: the file holds something else, or `cryptography` is not installed.
    """
    ec, serialization = _load_cryptography()
    if not path.exists():
        key = ec.generate_private_key(ec.SECP384R1())
        data = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        create_file(path, data, mode=0o600)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise PackageError(
            f"{path} holds no private key ({error}); name a file that is not there to make one"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PackageError(f"the key in {path} is of another kind than an elliptic curve; name another file")
    return key


def build_signature(key: Any, digest: str) -> dict[str, str]:
    """What signs a digest: the digest, the signature and the public key, the last two in Base64."""
    ec, serialization = _load_cryptography()
    raw = _split_numbers(key.sign(digest.encode(), ec.ECDSA(_load_sha256())), key.curve.key_size)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "hash": digest,
        "signature": base64.b64encode(raw).decode(),
        "publicKey": base64.b64encode(public).decode(),
    }


def find_signature_fault(signed: dict[str, Any], digest: str) -> str | None:
    """What is wrong with an anonymous signature of `digest`; None for a good one.

    Raises:
        PackageError: `cryptography` is not installed.
    """
    ec, serialization = _load_cryptography()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - optional

    if signed.get("hash") != digest:
        return "signs another digest"
    try:
        public = serialization.load_der_public_key(base64.b64decode(str(signed["publicKey"]), validate=True))
        signature = base64.b64decode(str(signed["signature"]), validate=True)
    except (KeyError, ValueError, binascii.Error) as error:
        return f"has no key or signature that can be read ({error})"
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return "has a key of another kind than an elliptic curve"
    try:
        public.verify(_join_numbers(signature, public.curve.key_size), digest.encode(), ec.ECDSA(_load_sha256()))
    except InvalidSignature:
        return "was not made with its key"
    return None


def _split_numbers(signature: bytes, bits: int) -> bytes:
    """A signature's two numbers side by side, as browsers write them, from DER."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415 - optional

    size = (bits + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))


def _join_numbers(signature: bytes, bits: int) -> bytes:
    """A signature in DER, from two numbers side by side or from DER itself, which other tools write."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415 - optional

    size = (bits + 7) // 8
    if len(signature) != 2 * size:
        return signature
    return bytes(encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")))


def _load_cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - optional
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - optional
    except ImportError as error:
        raise PackageError('signatures need a package that is missing; install "cryptography"') from error
    return ec, serialization


def _load_sha256() -> Any:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - optional

    return hashes.SHA256()
