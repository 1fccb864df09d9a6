"""Labelled digests, `algorithm:value`, as the WARC standard writes them: proof that bytes are the same."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# The encodings the community settled on: https://github.com/iipc/warc-specifications/issues/48
_BASE32_ALGORITHMS: Final = frozenset({"sha1", "md5"})
_DIGEST_SIZES: Final = {"md5": 16, "sha1": 20, "sha256": 32}


def build_digest(data: bytes, algorithm: str = "sha1") -> str:
    """Digest `data` as `sha1:` with upper-case Base32, or `sha256:` with lower-case hexadecimal.

    Spec: WARC/1.1 §5.8, §5.9.
    """
    if algorithm == "sha1":
        return _label_sha1(hashlib.sha1(data, usedforsecurity=False).digest())
    raw = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    value = base64.b32encode(raw).decode("ascii").rstrip("=") if algorithm in _BASE32_ALGORITHMS else raw.hex()
    return f"{algorithm}:{value}"


def build_parts_digest(parts: Iterable[bytes | memoryview]) -> str:
    """Digest the bytes of all parts as `build_digest` would digest them together."""
    digest = hashlib.sha1(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return _label_sha1(digest.digest())


def _label_sha1(raw: bytes) -> str:
    return "sha1:" + base64.b32encode(raw).decode("ascii")


def matches_digest(label: str, data: bytes) -> bool | None:
    """Tell whether `label` is the digest of `data`; None when its algorithm is not one we know.

    Other writers use Base32, hexadecimal and Base64, padded or not, in either case, and `sha-256` for `sha256`.
    """
    algorithm, separator, value = label.strip().partition(":")
    algorithm = algorithm.strip().lower().replace("-", "")
    size = _DIGEST_SIZES.get(algorithm)
    if not separator or size is None:
        return None
    expected = _find_raw(value.strip(), size)
    return expected is not None and expected == hashlib.new(algorithm, data, usedforsecurity=False).digest()


def _find_raw(value: str, size: int) -> bytes | None:
    """The digest's bytes from hexadecimal, Base64 or Base32, told apart by their length."""
    bare = value.rstrip("=")
    try:
        if len(bare) == size * 2:
            return bytes.fromhex(bare)
        if len(bare) == (size * 4 + 2) // 3:
            return base64.urlsafe_b64decode(bare.replace("+", "-").replace("/", "_") + "=" * (-len(bare) % 4))
        return base64.b32decode(bare.upper() + "=" * (-len(bare) % 8))
    except (ValueError, binascii.Error):
        return None
