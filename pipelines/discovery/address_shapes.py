"""What the form of an address suggests: an article, a list, or nothing to read."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

_DATE_IN_PATH = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)[/_-]?(?P<month>0[1-9]|1[0-2])[/_-]?(?P<day>0[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<!\d)(?P<year2>(?:19|20)\d\d)[/-](?P<month2>1[0-2]|0?[1-9])[/-](?P<day2>[12]\d|3[01]|0?[1-9])(?!\d)"
)
_MONTH_IN_PATH = re.compile(r"/(?:19|20)\d\d[/-]?(?:0[1-9]|1[0-2])(?:/|-)")
_MONTH_OF_LIST = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)[/_-]?(?P<month>1[0-2]|0?[1-9])(?!\d)")
_LONG_NUMBER = re.compile(r"\d{5,}")
# A separate number before a name of several words, such as /news/90210/old-ferry/; a year before it is none.
_NUMBERED_NAME = re.compile(r"/(?!(?:19|20)\d\d/)\d{4,}/[^/\d][^/-]*-[^/]+/?$")
_CODE = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{8,}")
_EXTENSION = re.compile(r"\.(?:s?html?|php|aspx?|jsp|cfm)$", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W_]+")

_OTHER_MEDIA = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|ico|bmp|pdf|docx?|xlsx?|pptx?|zip|gz|rar|7z|exe|dmg|apk|ipa|mp[34]|m4[av]|mov|avi|"
    r"wav|ogg|webm|css|js|json|woff2?|ttf|ics|vcf)$",
    re.IGNORECASE,
)
# Pages every site has and no reader of news wants: words of a path, whole.
_SERVICE_WORDS = """
about aboutus abo abonnement account accounts accessibility ads advertise advertising agb anmelden app apps author
authors autor barrierefreiheit cart careers cdn-cgi comment comments consent contact contacts contactus contato cookie
cookies copyright datenschutz donate download events faq feedback forgot help hilfe impressum imprint jobs
kontakt legal login logout mentions-legales member members my newsletter newsletters password podcasts portfolio
preferences print privacy profile profil register registration rss search settings share shop signin signup
subscribe subscription subscriptions suche support tag tags terms tos unsubscribe user users widget wp-admin wp-json
wp-login xmlrpc
"""
_SERVICE = frozenset(_SERVICE_WORDS.split())
_PAGE_NAMES = frozenset(
    (
        *("page", "p", "pg", "pn", "paged", "pageno", "page_no", "pagenum", "pagenumber", "pageindex", "curpage"),
        *("cur_page", "currentpage", "current_page", "seite", "pagina", "start"),
    )
)
# Lists may be paged by a position, or by the entry at which the next page begins.
_POSITIONS = frozenset(("begin", "first", "from", "o", "offset", "skip", "start"))
_CURSORS = frozenset(("after", "before", "cursor", "max_id", "pagetoken", "page_token", "until", "updated-max"))
_PAGE_IN_PATH = re.compile(r"(?:/(?:page|p|seite|pagina)[/_-]?|[_-](?:p|page)?)(\d{1,5})(?=/?$|\.\w+$)", re.IGNORECASE)
_LEAST_ID_DIGITS = 3
_MIN_SLUG_WORDS = 4
# Most links of a page stand on every page of its site.
_REMEMBERED = 1 << 13
_MIN_SLUG_CHARS = 24


@lru_cache(_REMEMBERED)
def build_shape(url: str) -> str:
    """Return an address with what varies within a kind of page replaced: digits by `#`, slugs by `~`, codes by `$`."""
    parts = urlsplit(url)
    segments = [_shape_segment(segment) for segment in parts.path.split("/")]
    keys = sorted(key for key, _ in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=None))
    return f"{parts.netloc}{'/'.join(segments)}{'?' + '&'.join(keys) if keys else ''}"


def _shape_segment(segment: str) -> str:
    stem = _EXTENSION.sub("", segment)
    ending = segment[len(stem) :]
    if not stem:
        return segment
    if is_slug(stem):
        return "~" + ending
    if _CODE.fullmatch(stem):
        return "$" + ending
    return _DIGITS.sub("#", stem) + ending


def is_slug(stem: str) -> bool:
    """Return whether a segment of a path is a headline: several words, or many letters that need no blanks."""
    text = unquote(stem)
    words = _WORDS.findall(text)
    is_wordy = sum(not word.isdigit() for word in words) >= _MIN_SLUG_WORDS
    is_wide = not text.isascii() and len(text) >= _MIN_SLUG_CHARS // 2
    return is_wordy or is_wide or (len(words) >= _MIN_SLUG_WORDS - 1 and len(text) >= _MIN_SLUG_CHARS)


def find_date(url: str) -> date | None:
    """Return the day that an address holds, or None."""
    for found in _DATE_IN_PATH.finditer(urlsplit(url).path):
        digits = found.group("year", "month", "day") if found["year"] else found.group("year2", "month2", "day2")
        try:
            return date(*(int(number) for number in digits))
        except ValueError:
            continue
    return None


def is_day_page(url: str) -> bool:
    """Return whether an address ends in a day, as that of the day's archive does."""
    path = urlsplit(url).path.rstrip("/")
    return any(found.end() == len(path) for found in _DATE_IN_PATH.finditer(path))


def find_month(url: str) -> tuple[int, int] | None:
    """Return year and month that an address holds, or None."""
    found = _MONTH_OF_LIST.search(urlsplit(url).path)
    return (int(found["year"]), int(found["month"])) if found else None


@lru_cache(_REMEMBERED)
def measure_article(url: str) -> int:
    """Return how much the form of an address says for an article: 0 nothing, 1 something, 2 nearly all."""
    parts = urlsplit(url)
    path = parts.path
    last = _EXTENSION.sub("", path.rstrip("/").rpartition("/")[2])
    if not last and not parts.query:
        return 0
    says = 0
    if find_date(url) is not None or _MONTH_IN_PATH.search(path):
        says += _measure_name(path)
    if is_slug(last):
        says += 2
    elif _LONG_NUMBER.search(last) or _CODE.fullmatch(last) or _NUMBERED_NAME.search(path):
        says += 1
    if any(_LONG_NUMBER.fullmatch(value) for _, value in parse_qsl(parts.query)):
        says += 1
    if _EXTENSION.search(path) and _DIGITS.search(last):
        says += 1
    return min(says, 2)


def _measure_name(path: str) -> int:
    """Return how much is in a path beside its date: the archive of a month or of a day has no name."""
    rest = _MONTH_IN_PATH.sub("/", _DATE_IN_PATH.sub("/", path))
    last = _EXTENSION.sub("", rest.rstrip("/").rpartition("/")[2])
    if not last or last.isdigit():
        return 0
    return 2 if _DIGITS.search(last) or len(_WORDS.findall(last)) > 1 or not last.isascii() else 1


@lru_cache(_REMEMBERED)
def is_service(url: str) -> bool:
    """Return whether an address leads to a picture, a file or a page that every site has: login, imprint, search."""
    parts = urlsplit(url)
    if _OTHER_MEDIA.search(parts.path):
        return True
    segments = [_EXTENSION.sub("", unquote(segment)).lower() for segment in parts.path.split("/") if segment]
    return any(segment in _SERVICE for segment in segments)


@lru_cache(_REMEMBERED)
def find_page_number(url: str) -> int:
    """Return which page of a list an address asks for; 1 where it does not say.

    A longer number behind the words of a headline is the number of an article.
    """
    parts = urlsplit(url)
    for key, value in parse_qsl(parts.query):
        if _find_stem(key) in _PAGE_NAMES and value.isdecimal() and len(value) <= 5:
            return int(value)
    found = _PAGE_IN_PATH.search(parts.path)
    if found is None:
        return 1
    is_bare = found[0][1:].isdigit() and len(found[1]) >= _LEAST_ID_DIGITS
    return 1 if is_bare and is_slug(parts.path[: found.start()].rpartition("/")[2]) else int(found[1])


def is_paging_key(name: str) -> bool:
    """Return whether a parameter chooses a part of a list: a page, a position, or a cursor."""
    return _find_stem(name) in _PAGE_NAMES | _POSITIONS | _CURSORS


def _find_stem(name: str) -> str:
    """Return the name of a parameter without the extension that it belongs to, as in `tx_news[currentPage]`."""
    return name.rpartition("[")[2].rstrip("]").lower()


def is_step(url: str, current: str) -> bool:
    """Return whether an address asks for a list further on than the current one, by a position or a cursor."""
    own = dict(parse_qsl(urlsplit(current).query))
    for name, value in parse_qsl(urlsplit(url).query):
        key = _find_stem(name)
        if key in _CURSORS and value != own.get(name):
            return True
        if key in _POSITIONS and value.isdecimal() and len(value) <= 9:
            before = own.get(name, "0")
            return before.isdecimal() and int(value) > int(before[:9])
    return False


def is_front(url: str) -> bool:
    """Return whether an address is that of a site's front page."""
    parts = urlsplit(url)
    stem = _EXTENSION.sub("", parts.path.strip("/")).lower()
    return stem in ("", "index", "home", "default") and not parts.query


def leads_to_front(url: str) -> bool:
    """Return whether a redirect to an address ends at the front page, whose query may say where it came from."""
    is_numbered = any(value.isdecimal() for _, value in parse_qsl(urlsplit(url).query))
    return is_front(url.partition("?")[0]) and not is_numbered
