"""Bytes to text where the declaration is missing, wrong or right."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.page import encodings
from pipelines.page.encodings import _reads, decode_page, find_encoding
from pipelines.page.limits import MAX_PAGE_CHARS, PageRefused
from tests.project import SHARED, needs_shared

HAN = "<p>宁波港今晨重新开放，渡轮照常。</p>"
KANA = "<p>港は今朝、再び開かれた。</p>"


@pytest.mark.parametrize(
    ("body", "content_type", "language", "encoding"),
    [
        pytest.param(HAN.encode(), b"text/html; charset=gb2312", "zh", "utf-8", id="says gb2312, is utf-8"),
        pytest.param(HAN.encode("gb18030"), b"text/html", "zh", "gb18030", id="undeclared gb18030"),
        pytest.param(HAN.encode("gb18030"), b"text/html; charset=utf-8", "zh", "gb18030", id="says utf-8, is gb18030"),
        pytest.param(HAN.encode("gb18030"), b"text/html; charset=GB2312", "", "gb18030", id="gb2312 means gb18030"),
        pytest.param(b'<meta charset="gbk">' + HAN.encode("gbk"), b"", "", "gb18030", id="meta"),
        pytest.param("重新開放".encode("big5"), b"", "zh-TW", "big5hkscs", id="undeclared big5"),
        pytest.param(KANA.encode("cp932"), b"text/html; charset=Shift_JIS", "", "cp932", id="shift_jis"),
        pytest.param(KANA.encode("cp932"), b"", "ja", "cp932", id="undeclared japanese"),
        pytest.param("Café".encode("cp1252"), b"text/html; charset=iso-8859-1", "fr", "cp1252", id="latin-1"),
        pytest.param("Café".encode("cp1252"), b"text/html; charset=nonsense", "fr", "cp1252", id="unknown label"),
        pytest.param(b"\xef\xbb\xbf" + HAN.encode(), b"text/html; charset=gbk", "zh", "utf-8", id="bom"),
        pytest.param(b"\xff\xfe" + HAN.encode("utf-16-le"), b"", "zh", "utf-16-le", id="utf-16 bom"),
        pytest.param(HAN.encode()[:-6], b"", "zh", "utf-8", id="cut inside a character"),
        pytest.param(b"plain", b"", "", "utf-8", id="ascii"),
    ],
)
def test_the_bytes_are_asked_before_the_declaration(
    body: bytes, content_type: bytes, language: str, encoding: str
) -> None:
    assert find_encoding(body, content_type=content_type, language=language) == encoding


@given(st.binary(max_size=300), st.binary(max_size=40), st.sampled_from(["", "zh", "ja", "xx-YY"]))
def test_any_bytes_become_text(body: bytes, content_type: bytes, language: str) -> None:
    assert isinstance(decode_page(body, content_type=content_type, language=language), str)


@needs_shared
def test_real_pages_read_the_same_in_both_encodings() -> None:
    """Every Chinese page of the corpus, as it is and as true GB18030 without a declaration."""
    pages = sorted((SHARED / "corpus" / "pages").glob("gne_*.html.gz"))
    assert len(pages) > 20
    for path in pages:
        text = gzip.decompress(path.read_bytes()).decode("utf-8").removeprefix("\ufeff")
        assert decode_page(text.encode(), content_type=b"text/html; charset=gb2312", language="zh") == text
        if "charset=utf" not in text[:4096].lower() and 'charset="utf' not in text[:4096].lower():
            assert decode_page(text.encode("gb18030"), language="zh") == text


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "cp932", "cp1252", "utf-16-le"])
@given(text=st.text(alphabet="a宁港é\U0001f427", max_size=40))
def test_a_page_read_in_pieces_is_read_alike(codec: str, text: str) -> None:
    body = text.encode(codec, "replace")
    whole = [_reads(body, name) for name in (codec, "utf-8", "gb18030")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "_LOOK_BYTES", 3)
        assert [_reads(body, name) for name in (codec, "utf-8", "gb18030")] == whole


@pytest.mark.parametrize("character", ["a", "港", "\U0001f427"])
def test_a_page_of_too_many_characters_is_never_held(character: str) -> None:
    most = 32 * 1024 * 1024 // len(character.encode())
    decode_page((character * MAX_PAGE_CHARS).encode()[: 32 * 1024 * 1024])
    if most > MAX_PAGE_CHARS:
        with pytest.raises(PageRefused, match="characters"):
            decode_page((character * most).encode())
