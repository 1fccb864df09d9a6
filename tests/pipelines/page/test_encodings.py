"""Bytes to text where the declaration is missing, wrong or right."""

from __future__ import annotations

import codecs
import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.page import encodings
from pipelines.page.encodings import _reads, decode_page, find_codec, find_encoding
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
        pytest.param(b"plain", b"text/html; charset=gbk", "ja", "utf-8", id="ascii, whatever is said"),
        pytest.param(KANA.encode("iso-2022-jp"), b"text/html; charset=iso-2022-jp", "", "iso2022_jp", id="iso-2022-jp"),
        pytest.param(KANA.encode("iso-2022-jp"), b"", "ja", "iso2022_jp", id="undeclared iso-2022-jp"),
        pytest.param(
            b"<html lang=ja>" + KANA.encode("iso-2022-jp"), b"", "", "iso2022_jp", id="iso-2022-jp by its language"
        ),
        pytest.param(KANA.encode("euc-jp"), b"text/html; charset=x-euc-jp", "", "euc_jp", id="a label of browsers"),
        pytest.param("<p>a".encode("utf-16-le"), b"text/html; charset=utf-16", "", "utf-16-le", id="utf-16"),
        pytest.param("<p>港湾".encode("utf-16-be"), b"", "ja", "utf-16-be", id="utf-16 that nothing declares"),
        pytest.param(
            "\n<!DOCTYPE html>a".encode("utf-16-le"), b"", "", "utf-16-le", id="the other order, behind a blank"
        ),
        pytest.param(b"<p>caf\xe9", b"text/html; charset=utf-16", "", "cp1252", id="no utf-16 without NULs"),
        pytest.param(b"<meta charset=utf-16>caf\xe9", b"", "fr", "utf-8", id="utf-16 cannot say so itself"),
        pytest.param(b"<meta charset=x-user-defined>caf\xe9", b"", "fr", "cp1252", id="nor x-user-defined"),
        pytest.param(b"<!--<meta charset=gbk>--><meta charset=big5>\xad\xb6", b"", "", "big5hkscs", id="a comment"),
        pytest.param(b"<meta charset=no-such><meta charset=big5>\xad\xb6", b"", "", "big5hkscs", id="unknown first"),
        pytest.param(b"<?xml version='1.0' encoding='big5'?>\xad\xb6", b"", "", "big5hkscs", id="xml"),
    ],
)
def test_the_bytes_are_asked_before_the_declaration(
    body: bytes, content_type: bytes, language: str, encoding: str
) -> None:
    assert find_encoding(body, content_type=content_type, language=language) == encoding


RUSSIAN = "<p>Паром снова ходит каждое утро, сообщили в порту. Билеты подорожали на десять рублей.</p>"
GERMAN = "<p>Die Fähre fährt wieder täglich, für alle Gäste öffnet auch das Café am Kai.</p>"
FRENCH = "<p>Le débarcadère a été rouvert après trois années, et la mairie espère une saison animée à l'été.</p>"
GREEK = "<p>Το πλοίο επέστρεψε στο λιμάνι και οι επιβάτες κατέβηκαν στην προβλήτα.</p>"
JAPANESE = "<p>港は今朝ふたたび開かれ、フェリーは通常どおり運航している。乗客は三十人だった。</p>"


@pytest.mark.parametrize(
    ("text", "codec", "head"),
    [
        pytest.param(GERMAN, "cp1252", "", id="says nothing, German"),
        pytest.param(FRENCH, "cp1252", "", id="says nothing, French"),
        pytest.param(RUSSIAN, "cp1251", "", id="says nothing, Russian"),
        pytest.param(RUSSIAN, "koi8_r", '<html lang="ru">', id="says its language, Russian"),
        pytest.param(GREEK, "cp1253", '<html lang="el">', id="says its language, Greek"),
        pytest.param(JAPANESE, "euc_jp", '<html class="a" lang="ja-JP">', id="says its language, Japanese"),
        pytest.param(JAPANESE, "cp932", "", id="says nothing, Japanese"),
        pytest.param(GERMAN, "cp1252", '<meta charset="utf-8">', id="says utf-8, is windows-1252"),
        pytest.param(HAN, "gb18030", '<html lang="zh"><meta charset="utf-8">', id="says utf-8, is gbk"),
        pytest.param(
            RUSSIAN, "cp1251", f'<script>{"// " * 3000}</script><meta charset="windows-1251">', id="says so late"
        ),
    ],
)
def test_bytes_that_declare_nothing_true_are_read_by_their_letters(text: str, codec: str, head: str) -> None:
    page = f"{head}<body>{text}"
    assert decode_page(page.encode(codec)) == page


@pytest.mark.parametrize("head", ["", '<meta charset="utf-8">', '<html lang="ru">', '<meta charset="windows-1251">'])
def test_a_damaged_character_makes_no_other_encoding(head: str) -> None:
    page = f"{head}<body>{RUSSIAN}".encode()
    cut = page.replace("утро".encode(), "утро".encode()[:-1])
    assert decode_page(cut) == page.decode().replace("утро", "утр\ufffd")


def test_a_byte_that_a_declared_encoding_does_not_know_is_lost_alone() -> None:
    page = f'<meta charset="windows-1251"><body>{RUSSIAN}'
    damaged = page.encode("cp1251").replace("Паром".encode("cp1251"), b"\x98")
    assert decode_page(damaged, language="ru") == page.replace("Паром", "\ufffd")


def test_a_meta_that_a_script_writes_declares_nothing() -> None:
    page = f"<script>{'// ' * 3000}document.write('<meta charset=\"koi8-r\">')</script><body>{GERMAN}"
    assert decode_page(page.encode("cp1252")) == page


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("utf-7", "+ADw-b+AD4- ~{VPND~} é"),
        ("zip", "+ADw-b+AD4- ~{VPND~} é"),
        ("unicode-escape", "+ADw-b+AD4- ~{VPND~} é"),
        ("x-user-defined", "+ADw-b+AD4- ~{VPND~} \uf7e9"),
        ("hz-gb-2312", "\ufffd"),
        ("iso-2022-kr", "\ufffd"),
        ("iso-2022-cn", "\ufffd"),
        ("latin1", "+ADw-b+AD4- ~{VPND~} é"),
        ("tis-620", "+ADw-b+AD4- ~{VPND~} ้"),
    ],
)
def test_a_label_means_what_browsers_mean(label: str, text: str) -> None:
    """Spec: WHATWG Encoding §4.2, §14.1 (replacement), §14.5 (x-user-defined); no other codec of Python is reached."""
    body = b"+ADw-b+AD4- ~{VPND~} \xe9"
    assert decode_page(body, content_type=f"text/html; charset={label}".encode(), language="fr") == text


def test_replacement_holds_where_all_bytes_are_ascii() -> None:
    """An escape of it could hide markup from a reader that takes the bytes for ASCII."""
    assert decode_page(b"~{VPND~}", content_type=b"text/html; charset=hz-gb-2312") == "\ufffd"
    assert decode_page(b"", content_type=b"text/html; charset=hz-gb-2312") == ""


VECTORS = SHARED / "corpus" / "vectors" / "encoding" / "html5lib"
# Beginnings of html5lib's that are read otherwise, and why.
DEPARTURES = {
    b'<meta charset=iso8859-2">\n<p>"</p>': "an unquoted value ends at the quote that an author left behind",
    b'charset=euc-jp">\n<!--\xe4\xba\xac-->': "it is UTF-8 but for the byte put behind it",
    b"charset='utf-8\">": "a quote that is not closed quotes nothing",
}


@needs_shared
def test_a_declaration_is_found_where_browsers_find_it() -> None:
    """Each beginning is followed by a byte that is no UTF-8, so that the declaration matters."""
    departed, count = set(), 0
    for path in sorted(VECTORS.glob("*.dat")):
        for part in re.split(rb"(?:^|\n)#data\n", path.read_bytes())[1:]:
            data, _, rest = part.partition(b"\n#encoding\n")
            codec = find_codec(rest.split(b"\n")[0])
            assert codec is not None
            count += 1
            if find_encoding(data + b" \xe9 ", language="fr") != codec.name:
                departed |= {known for known in DEPARTURES if known in data} or {data}
    assert departed == set(DEPARTURES)
    assert count > 80


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
    tried = [codecs.lookup(name) for name in (codec, "utf-8", "gb18030")]
    whole = [_reads(body, one) for one in tried]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "_LOOK_BYTES", 3)
        assert [_reads(body, one) for one in tried] == whole


@pytest.mark.parametrize("character", ["a", "港", "\U0001f427"])
def test_a_page_of_too_many_characters_is_never_held(character: str) -> None:
    most = 32 * 1024 * 1024 // len(character.encode())
    decode_page((character * MAX_PAGE_CHARS).encode()[: 32 * 1024 * 1024])
    if most > MAX_PAGE_CHARS:
        with pytest.raises(PageRefused, match="characters"):
            decode_page((character * most).encode())


def test_a_page_that_was_encoded_twice_is_read_as_it_was_meant() -> None:
    text = "The ferry’s landing – once more"
    doubled = text.encode().decode("latin-1").encode()
    assert decode_page(doubled) == text
    assert decode_page(doubled + HAN.encode()) == doubled.decode() + HAN
