"""Securities named in an article, in one notation: `SH600160`, `HK00700`, `NYSE:NIO`.

Financial pages mark a company in the text with a widget: an identifier such as `stock_1.600160`, a data attribute, a
link to the page of quotes, or a code in brackets. Every publisher numbers the markets in its own way, so a market is
believed only where the code is one that it gives out; and a bare code becomes a symbol only where something says that
it is one. What has no known market is left out.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from pipelines.late_patterns import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator

# Codes of shares, by the first digits that each exchange gives out to listed companies.
_SHARES = {
    "SH": re.compile(r"60[0135]\d{3}|68[89]\d{3}|900\d{3}"),
    "SZ": re.compile(r"00[0-4]\d{3}|30[0-2]\d{3}|200\d{3}"),
    "BJ": re.compile(r"(?:43|83|87|88|92)\d{4}"),
}
# Indices and funds as well, where the market itself is named.
_LISTED = {
    "SH": re.compile(r"60\d{4}|68\d{4}|90\d{4}|000\d{3}|5[0-9]\d{4}|1[1-3]\d{4}"),
    "SZ": re.compile(r"00\d{4}|30\d{4}|20\d{4}|39\d{4}|1[2-8]\d{4}"),
    "BJ": _SHARES["BJ"],
}
# East Money's numbers of markets, which others copied; 0 and 2 stand for Shenzhen and Beijing alike.
_NUMBERED = {"0": ("SZ", "BJ"), "1": ("SH",), "2": ("SZ", "BJ")}
_NUMBERED_ABROAD = {"105": "NASDAQ", "106": "NYSE", "107": "AMEX"}
_EXCHANGES = {
    "nyse": "NYSE",
    "纽交所": "NYSE",
    "纽约证券交易所": "NYSE",
    "nasdaq": "NASDAQ",
    "纳斯达克": "NASDAQ",
    "纳斯达克交易所": "NASDAQ",
    "amex": "AMEX",
    "nyse american": "AMEX",
    "lse": "LSE",
    "tsx": "TSX",
    "asx": "ASX",
    "etr": "ETR",
    "xetra": "ETR",
    "fra": "FRA",
    "epa": "EPA",
    "euronext paris": "EPA",
    "ams": "AMS",
    "bit": "BIT",
    "bme": "BME",
    "swx": "SWX",
    "six": "SWX",
    "nse": "NSE",
    "bse": "BSE",
    "tyo": "TYO",
    "tse": "TYO",
    "krx": "KRX",
    "tpe": "TPE",
    "twse": "TPE",
    "sgx": "SGX",
    "tsxv": "TSXV",
    "otc": "OTC",
    "otcmkts": "OTC",
    "jse": "JSE",
    "sto": "STO",
    "cph": "CPH",
    "hel": "HEL",
    "osl": "OSL",
    "wse": "WSE",
}
_HONG_KONG = r"hkex|sehk|hkse|hk|港交所|香港交易所|香港联交所|联交所|港股"
_SPEAKS_OF_SHARES = re.compile(
    r"股票|股份|证券|證券|[股個个]股|A股|股价|股價|涨停|跌停|上市公司|沪深|沪指|深成指|创业板|科创板|北交所"
)
_TAG = re.compile(r"<[^<>]*>")

_BEFORE = r"(?<![A-Za-z0-9])(?P<before>sh|sz|bj)[._-]?(?P<before_code>\d{6})(?!\d)"
_AFTER = r"(?<![\d.])(?P<after_code>\d{6})\.(?P<after>sh|ss|sz|bj)(?![A-Za-z0-9])"
_IN_HONG_KONG = (
    r"(?<![A-Za-z0-9])(?:hk[._-]?(?P<hk_before>\d{5})(?!\d)|(?P<hk_after>\d{4,5})\.hk(?![A-Za-z0-9])"
    rf"|(?:{_HONG_KONG})\s*[:：]\s*(?P<hk_named>\d{{4,5}})(?!\d))"
)
_WIDGET = (
    r"(?:stock_|secid=|(?:data-[a-z-]*(?:code|secid|stock|symbol)|data-id)\s*=\s*[\"'](?:stock_)?)"
    r"(?P<number>\d{1,3})[.,](?P<number_code>\d{6}|[A-Z]{1,5}|\d{5})(?![A-Za-z0-9])"
)
_ATTRIBUTE = r"data-[a-z-]*(?:code|stock|symbol)\s*=\s*[\"'](?P<attribute_code>\d{6})[\"']"
_ON_EXCHANGE = (
    rf"[(（\[]\s*(?P<exchange>{'|'.join(sorted(_EXCHANGES, key=len, reverse=True))})\s*[:：]\s*"
    r"(?P<ticker>[A-Za-z0-9][A-Za-z0-9.&-]{0,9})\s*(?=[)）\],，;；])"
)
_LABELLED = r"(?:股票|证券|證券|上市)?代[码碼]\s*[:：]?\s*(?P<labelled_code>\d{6})(?!\d)"
_BRACKETED = r"(?<=[\u4e00-\u9fffA-Za-z])[(（]\s*(?P<bracketed_code>\d{6})\s*[)）]"
# `finance.example/quote/NIO:NYSE`, `charts.example/symbols/NYSE-NIO/`
_ADDRESS = (
    r"/quote/(?P<quoted>[A-Z][A-Z.]{0,5}):(?P<quoted_on>NYSE|NASDAQ|AMEX|LSE|TSX|ASX)(?![A-Za-z0-9])"
    r"|/symbols/(?P<charted_on>NYSE|NASDAQ|AMEX|LSE|TSX|ASX)-(?P<charted>[A-Z][A-Z.]{0,5})(?![A-Za-z0-9])"
)
_FOUND = compile_late(
    "|".join([_BEFORE, _AFTER, _IN_HONG_KONG, _WIDGET, _ATTRIBUTE, _ON_EXCHANGE, _LABELLED, _BRACKETED, _ADDRESS]),
    re.IGNORECASE,
)
# What a symbol can begin with. Most of a text is none of it, and this finds so in a tenth of the time; the set comes
# first in the expression, because that is what makes it fast. `ſ` and the Kelvin sign are `s` and `k` without case.
_START = re.compile(
    r"[sSſbBhHdD\d(（\[港香联股证證上代/](?:(?<=[sSſ])(?i:[hz]|ehk|tock_|ecid=)|(?<=[bB])[jJ]|(?<=[hH])(?i:k)"
    r"|(?<=[dD])(?i:ata-)|(?<=\d)\d{3,5}\.(?i:[sbh])|(?<=/)(?i:quote/|symbols/)|(?<=[(（\[港香联股证證上代]))"
)
# Without one of these no symbol is there, and to find that out takes a tenth of looking for one; to look for the signs
# that an expression begins with, before the expression itself, takes another tenth.
_SIX_DIGITS = re.compile(r"\d\d{5}(?!\d)(?<!\d{7})")
_EXCHANGE_HINT = re.compile(rf"[(（\[]\s*(?i:{'|'.join(_EXCHANGES)})\s*[:：]")
_BRACKETS = ("(", "（", "[")
_HINT_WORDS = ("hk", "港", "联交所", "stock_", "secid=", "code", "symbol", "data-id", "/quote/")


# Codes that carry their market behind them or that a sign marks; capitals are what tells them from words.
_MARKED = compile_late(
    r"(?<![A-Za-z0-9$])\$(?P<cash>[A-Z]{2,5})(?![A-Za-z0-9.])"
    r"|(?<![A-Za-z0-9.$])(?P<coded>[A-Z]{1,5}|\d{4})\.(?P<coded_on>US|TWO|TW|T|KS|KQ)(?![A-Za-z0-9.])"
    r"|[(（]\s*(?P<comma_code>\d{6})\s*[,，]\s*(?P<comma_on>SH|SZ|BJ)\s*[)）]"
    r"|(?<=[\u4e00-\u9fff])[(（](?P<taiwan>(?!19|20)[1-9]\d{3})(?:[-－]?TW)?[)）]"
)
_MARKS = re.compile(
    r"[$.\d(（](?:(?<=\$)[A-Z]{2}|(?<=\.)(?:US|TW|T|K[SQ])\b|(?<=\d)\d{5}\s*[,，]\s*[SB]|(?<=[(（])[1-9]\d{3}[)）-])"
)
_MARK_SIGNS = ("$", ".US", ".T", ".K", "(", "（")
_MARKETS_BEHIND = {"US": "US", "T": "TYO", "TW": "TPE", "TWO": "TPE", "KS": "KRX", "KQ": "KRX"}
_CURRENCIES = frozenset(
    ["USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "BRL", "ARS", "US", "CA", "AU", "NZ", "HK", "MM", "BN"]
)
_SPEAKS_OF_TAIWAN = re.compile(r"台股|臺股|台積|證交所|集中市場|外資|三大法人|上櫃|股價")


def find_symbols(body: str) -> list[str]:
    """Return the symbols of the securities that a body's HTML names, each once, in the order of the text."""
    source = html.unescape(body)
    lowered = source.lower()
    has_word = _has_any(lowered, _HINT_WORDS)
    marked = _list_marked(source) if _has_any(source, _MARK_SIGNS) and _MARKS.search(source) else []
    has_exchange = _has_any(source, _BRACKETS) and _EXCHANGE_HINT.search(source)
    if not has_word and not has_exchange and not _SIX_DIGITS.search(source):
        return list(dict.fromkeys(symbol for _, symbol in marked))
    matches = list(_iter_matches(source))
    has_bracketed = any(match["bracketed_code"] for match in matches)
    is_about_shares = has_bracketed and bool(_SPEAKS_OF_SHARES.search(_TAG.sub("", source)))
    found = [(match.start(), _read(match, is_about_shares=is_about_shares)) for match in matches]
    return list(dict.fromkeys(symbol for _, symbol in sorted([*found, *marked]) if symbol))


def _has_any(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)


def _list_marked(source: str) -> list[tuple[int, str]]:
    """Return the symbols of `$AAPL`, `6758.T`, `（000001，SZ）` and `台積電(2330)`, each with its place."""
    text = _TAG.sub(lambda tag: " " * len(tag[0]), source)
    is_of_taiwan = bool(_SPEAKS_OF_TAIWAN.search(text))
    found = []
    for match in _MARKED.finditer(text):
        if match["cash"]:
            symbol = "" if match["cash"] in _CURRENCIES else f"US:{match['cash']}"
        elif match["coded"]:
            market = _MARKETS_BEHIND[match["coded_on"]]
            symbol = f"{market}:{match['coded']}" if match["coded"].isdigit() != (market == "US") else ""
        elif match["comma_code"]:
            symbol = _build_named(match["comma_on"], match["comma_code"])
        else:
            symbol = f"TPE:{match['taiwan']}" if is_of_taiwan else ""
        if symbol:
            found.append((match.start(), symbol))
    return found


def _iter_matches(source: str) -> Iterator[re.Match[str]]:
    """Yield what `_FOUND.finditer` would."""
    position = 0
    while start := _START.search(source, position):
        match = _FOUND.match(source, start.start())
        if match is not None:
            yield match
        position = match.end() if match is not None else start.start() + 1


def _read(match: re.Match[str], *, is_about_shares: bool) -> str:
    groups = match.groupdict()
    if market := groups["before"] or groups["after"]:
        return _build_named(market.upper().replace("SS", "SH"), groups["before_code"] or groups["after_code"])
    if hong_kong := groups["hk_before"] or groups["hk_after"] or groups["hk_named"]:
        return f"HK{hong_kong:0>5}" if hong_kong.strip("0") else ""
    if groups["number"]:
        return _build_numbered(groups["number"], groups["number_code"])
    if groups["exchange"]:
        return f"{_EXCHANGES[groups['exchange'].lower()]}:{groups['ticker'].upper()}"
    if venue := groups["quoted_on"] or groups["charted_on"]:
        return f"{venue.upper()}:{(groups['quoted'] or groups['charted']).upper()}"
    code = groups["attribute_code"] or groups["labelled_code"]
    if not code and is_about_shares:
        code = groups["bracketed_code"]
    return next(_iter_markets(code), "") if code else ""


def _build_named(market: str, code: str) -> str:
    return f"{market}{code}" if _LISTED[market].fullmatch(code) else ""


def _build_numbered(number: str, code: str) -> str:
    """Return the symbol of a code behind a number of its market, or '' where the market cannot have such a code."""
    if number in _NUMBERED_ABROAD and code.isalpha():
        return f"{_NUMBERED_ABROAD[number]}:{code.upper()}"
    if number == "116" and len(code) == 5 and code.isdigit():
        return f"HK{code}"
    return next((f"{market}{code}" for market in _NUMBERED.get(number, ()) if _LISTED[market].fullmatch(code)), "")


def _iter_markets(code: str) -> Iterator[str]:
    for market, codes in _SHARES.items():
        if codes.fullmatch(code):
            yield f"{market}{code}"
