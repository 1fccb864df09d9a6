"""Labelled digests, `algorithm:value`, as in the WARC standard."""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# The encodings the community settled on: https://github.com/iipc/warc-specifications/issues/48
_BASE32_ALGORITHMS: Final = frozenset({"sha1", "md5"})
_DIGEST_SIZES: Final = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64, "blake3": 32}
# Digests that can be written: https://github.com/iipc/warc-specifications/issues/48, and BLAKE3 where it is
# installed, which is several times as fast.
WRITTEN: Final = ("sha1", "sha256", "sha512", "blake3")


def build_digest(data: bytes, algorithm: str = "sha1") -> str:
    """Digest `data` as `sha1:` with upper-case Base32, or `sha256:` with lower-case hexadecimal.

    Raises:
        ValueError: the algorithm is unknown, or its package is missing.

    Spec: WARC/1.1 §5.8, §5.9.
    """
    if algorithm == "sha1":
        return _label(algorithm, hashlib.sha1(data, usedforsecurity=False).digest())
    return build_parts_digest((data,), algorithm)


def can_write_digest(algorithm: str) -> bool:
    """Return whether digests of that name can be written here."""
    return algorithm in WRITTEN and _begin(algorithm) is not None


def build_parts_digest(parts: Iterable[bytes | memoryview], algorithm: str = "sha1") -> str:
    """Digest the bytes of all parts as `build_digest` would digest them together."""
    digest = _begin(algorithm)
    if digest is None:
        raise ValueError(f"no digest algorithm {algorithm!r} here; use one of {', '.join(WRITTEN)}, or install blake3")
    for part in parts:
        digest.update(part)
    return _label(algorithm, digest.digest())


def _label(algorithm: str, raw: bytes) -> str:
    value = base64.b32encode(raw).decode("ascii").rstrip("=") if algorithm in _BASE32_ALGORITHMS else raw.hex()
    return f"{algorithm}:{value}"


def _begin(algorithm: str) -> Any | None:
    """A digest to be fed; None if the algorithm is not one we know, or its package is missing."""
    if algorithm == "blake3":
        try:
            return importlib.import_module("blake3").blake3()
        except ImportError:
            return None
    return hashlib.new(algorithm, usedforsecurity=False) if algorithm in _DIGEST_SIZES else None


class DigestCheck:
    """Compares bytes that come in parts with a labelled digest.

    Other writers use Base32, hexadecimal and Base64, padded or not, in either case, and `sha-256` for `sha256`.
    """

    def __init__(self, label: str) -> None:
        algorithm, separator, value = label.strip().partition(":")
        self.algorithm = algorithm.strip().lower().replace("-", "") if separator else ""
        self._digest = _begin(self.algorithm)
        self._expected = _find_raw(value.strip(), _DIGEST_SIZES[self.algorithm]) if self._digest is not None else None

    @property
    def is_known(self) -> bool:
        """Whether the algorithm is one that can be computed here."""
        return self._digest is not None

    def update(self, part: bytes | memoryview) -> None:
        """Take in more bytes."""
        if self._digest is not None:
            self._digest.update(part)

    def matches(self) -> bool | None:
        """Return whether the label is the digest of the bytes so far; None when its algorithm is not one we know."""
        return None if self._digest is None else self._expected == self._digest.digest()


def matches_digest(label: str, data: bytes | memoryview) -> bool | None:
    """Return whether `label` is the digest of `data`; None when its algorithm is not one we know."""
    return matches_parts(label, (data,))


def matches_parts(label: str, parts: Iterable[bytes | memoryview]) -> bool | None:
    """Return the same of data that comes in parts."""
    check = DigestCheck(label)
    for part in parts:
        check.update(part)
    return check.matches()


def is_digest_of_nothing(label: str) -> bool:
    """Return whether `label` is the digest of no bytes at all."""
    return DigestCheck(label).matches() is True


def _find_raw(value: str, size: int) -> bytes | None:
    """The digest's bytes from hexadecimal, Base64 or Base32, distinguished by their length."""
    bare = value.rstrip("=")
    try:
        if len(bare) == size * 2:
            return bytes.fromhex(bare)
        if len(bare) == (size * 4 + 2) // 3:
            return base64.urlsafe_b64decode(bare.replace("+", "-").replace("/", "_") + "=" * (-len(bare) % 4))
        return base64.b32decode(bare.upper() + "=" * (-len(bare) % 8))
    except (ValueError, binascii.Error):
        return None
