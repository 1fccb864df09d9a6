"""Labels other tools write are understood; ours are the ones the standard's community agreed on."""

from __future__ import annotations

import hashlib
import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.warc.digests import build_digest, matches_digest


def test_known_labels() -> None:
    assert build_digest(b"") == "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"
    assert build_digest(b"", "sha256") == f"sha256:{hashlib.sha256(b'').hexdigest()}"
    assert build_digest(b"", "md5") == "md5:2QOYZWMPACZAJ2MABGMOZ6CCPY"


@pytest.mark.parametrize(
    "label",
    [
        "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ",
        "SHA-1:3i42h3s6nnfq2msvx7xzkyayscx5qbyj",
        "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "sha1:DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "md5:2QOYZWMPACZAJ2MABGMOZ6CCPY======",
        f"sha256:{hashlib.sha256(b'').hexdigest().upper()}",
        "sha-256:4OYMIQUY7QOBJGX36TEJS35ZEQT24QPEMSNZGTFESWMRW6CSXBKQ====",
    ],
)
def test_labels_of_other_tools_match(label: str) -> None:
    assert matches_digest(label, b"") is True
    assert matches_digest(label, b"x") is False


@pytest.mark.parametrize("label", ["", "sha1", "crc32:00000000", "xxh3:abc", "3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"])
def test_an_unknown_algorithm_is_neither_right_nor_wrong(label: str) -> None:
    assert matches_digest(label, b"") is None


@pytest.mark.parametrize("label", ["sha1:", "sha1:zzz", "sha1:111", "sha256:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"])
def test_a_malformed_value_is_wrong(label: str) -> None:
    assert matches_digest(label, b"") is False


ALGORITHMS = ["sha1", "sha256", "sha512", "md5"] + ["blake3"] * (importlib.util.find_spec("blake3") is not None)


@given(data=st.binary(max_size=50), algorithm=st.sampled_from(ALGORITHMS))
def test_what_is_built_matches(data: bytes, algorithm: str) -> None:
    assert matches_digest(build_digest(data, algorithm), data) is True
