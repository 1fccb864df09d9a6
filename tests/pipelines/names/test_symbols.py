"""Symbols: every way in which pages mark a security, and what must not be taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.names.symbols import _FOUND, _iter_matches, find_symbols


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<span id="stock_1.600160"><a class="keytip" data-code="1,600160">巨化股份</a></span>', ["SH600160"]),
        ('<a data-code="2,300059">x</a>', ["SZ300059"]),
        ('<a href="https://q.example/?secid=0.300343">x</a>', ["SZ300343"]),
        ('<a href="https://q.example/?secid=0.430047">x</a>', ["BJ430047"]),
        ('<a href="https://q.example/sh600160.html">x</a>', ["SH600160"]),
        ('<a href="https://q.example/S/SZ000001">x</a>', ["SZ000001"]),
        ('<a data-symbol="300343">x</a>', ["SZ300343"]),
        ("<p>巨化股份（600160.SH）、诺思兰德(430047.bj)</p>", ["SH600160", "BJ430047"]),
        ("<p>腾讯（0700.HK）与美团（港股：03690）</p>", ["HK00700", "HK03690"]),
        ('<a href="https://q.example/hk/hk00700.html">x</a>', ["HK00700"]),
        ("<p>NIO (NYSE: NIO) and Baidu (NASDAQ:bidu)</p>", ["NYSE:NIO", "NASDAQ:BIDU"]),
        ("<p>蔚来（纽交所：NIO）</p>", ["NYSE:NIO"]),
        ('<a data-secid="106.BABA">x</a>', ["NYSE:BABA"]),
        ('<a href="https://q.example/finance/quote/NIO:NYSE?hl=zh">x</a>', ["NYSE:NIO"]),
        ('<a href="https://q.example/symbols/NASDAQ-AAPL/">x</a>', ["NASDAQ:AAPL"]),
        ("<p>富瀚微（300613）股价大涨</p>", ["SZ300613"]),
        ("<p>股票代码：688981</p>", ["SH688981"]),
    ],
)
def test_a_marked_security_becomes_a_symbol(body: str, expected: list[str]) -> None:
    assert find_symbols(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "<p>房间（300343）很大</p>",
        "<p>股票（777777）</p>",
        "<p>600160 元，1.600160 元</p>",
        '<img src="/pics/bj201502.jpg">',
        '<img src="/pics/sh202201.jpg">',
        '<a data-code="1,300343">x</a>',
        '<a data-code="9,600160">x</a>',
        "<p>(NIO: yes)</p>",
        '<a href="/us/nio.html">NIO</a>',
        "<p>hk000000</p>"[:-4],
        "",
    ],
)
def test_what_has_no_known_market_is_left_out(body: str) -> None:
    assert find_symbols(body) == []


WRITTEN = (
    "sh SZ bj . _ - 600160 300343 430047 00700 0700 ١٢٣٤٥ .hk .SH hk HK \u212a ſh 港股 香港联交所 联交所 : ： ( （ ["
    " ) ） stock_1. secid= data-code= data-id data- \" ' 1, 105. NIO NYSE nasdaq 纽交所 股票代码 代碼 上市 证券 /quote/"
    " /symbols/ NYSE- :NYSE <a> x 甲"
)
PIECES = st.sampled_from(WRITTEN.split(" "))


@given(st.lists(st.one_of(PIECES, st.just(" "), st.text(max_size=2)), max_size=16).map("".join))
def test_looking_only_where_a_symbol_can_begin_finds_them_all(text: str) -> None:
    assert [match.span() for match in _iter_matches(text)] == [match.span() for match in _FOUND.finditer(text)]


def test_order_is_kept_and_repeats_are_not() -> None:
    body = '<a href="/sz300343.html">a</a><a href="/sh600160.html">b</a>（300343.SZ）股票'
    assert find_symbols(body) == ["SZ300343", "SH600160"]


@given(st.text())
def test_no_text_breaks_the_search(body: str) -> None:
    assert find_symbols(body) == list(dict.fromkeys(find_symbols(body)))


@given(
    st.lists(st.sampled_from(["SH600160", "SZ300343", "BJ430047", "HK00700", "NYSE:NIO", "NASDAQ:BIDU"]), unique=True)
)
def test_symbols_as_they_are_written_are_found_again(symbols: list[str]) -> None:
    """Idempotence: what was found, written into a text, is found again."""
    text = "".join(f"<p>（{symbol}）</p>" for symbol in symbols)
    assert find_symbols(text) == symbols


@given(st.text(alphabet=st.sampled_from("shzbjk0123456789.,()（）<>=\"' 股票NYSE:")))
def test_symbols_keep_their_form(body: str) -> None:
    for symbol in find_symbols(body):
        assert symbol[:2] in ("SH", "SZ", "BJ", "HK") or ":" in symbol


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shares of $ABCD rose; $USD and $5 did not.", ["US:ABCD"]),
        ("Tern Lines (ABCD.US) and Skua (6758.T)", ["US:ABCD", "TYO:6758"]),
        ("Hafenlinie (ETR: HFL), (TYO: 6758) and (NSE: TERN)", ["ETR:HFL", "TYO:6758", "NSE:TERN"]),
        ("平湾银行（000001，SZ）公布年报", ["SZ000001"]),
        ("台股今日收高，海燕電(2330)股價上揚", ["TPE:2330"]),
        ("大橋(2024)通車，渡輪(1999)停駛", []),
        ("He said U.S. trade with T.S. fell", []),
    ],
)
def test_marks_and_markets_behind_a_code(text: str, expected: list[str]) -> None:
    assert find_symbols(f"<p>{text}</p>") == expected
