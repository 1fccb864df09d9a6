"""Normalises the address of a link: without session ids, campaign parameters, share services and AMP caches.

Two pages that speak of one article write its address in many ways. What they mean must come out the same, or a feed's
date would never meet the page that it dates.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable

# Parameters that tell the publisher where a reader came from; the page is the same without them.
_CAMPAIGN = re.compile(
    r"(?:utm|at|mc|ns|pk|mtm|hsa|vero|oly)_\w+|_ga|_gl|(?:fb|g|d|y|tt|ms)cl(?:id|kid|srd?)?|igsh(?:id)?|wt_mc|wt\.mc_id|"
    r"xtor|ref_src|ref_url|ncid|ocid|cmpid|cmp|smid|spm|spm_id_from|share_token|mkt_tok|_openstat|traffic_source|"
    r"[gw]braid|ef_id|s_kwcid|epik|rb_clickid|li_fat_id|_?hs(?:enc|mi|ctatracking)|__hs(?:sc|tc|fp)|__s|wt_zmc|"
    r"__twitter_impression|guccounter|guce_referrer(?:_sig)?|soc_(?:src|trk)|trk(?:campaign|info)?|"
    r"feed(?:type|name)|emc|ito|icid|sref|srnd",
    re.IGNORECASE,
)
# They say where a reader came from if their value names a channel; anything else may choose what the page shows.
_CHANNEL_NAME = re.compile(r"campaign|channel|cid|from|medium|mod|origin|partner|share|source|src", re.IGNORECASE)
_CHANNEL = re.compile(
    r"(?:rss|feeds?|atom|newsletter|e-?mail|social|share|twitter|facebook|whatsapp|telegram|linkedin)(?:[_-]\w+)?",
    re.IGNORECASE,
)
# The same article for a printer or for small screens.
_VARIANT = re.compile(
    r"(?:print(?:able|view)?|amp)(?:=(?:1|true|yes))?|(?:view|output|outputtype)=(?:print|amp)", re.IGNORECASE
)
# They say where a reader came from if their value is a name; a number may be a place in a list.
_REFERRAL = re.compile(r"ref|referr?er|from|via", re.IGNORECASE)
_PLACE_NAME = re.compile(r"[A-Za-z][\w.-]{0,40}")
_SESSION = re.compile(r"(?:j|php|asp)?sess(?:ion)?_?id\w*|jsessionid|aspsessionid\w*|cfid|cftoken", re.IGNORECASE)
# A short `sid` is the number of a story.
_SHORT_SESSION = re.compile(r"(?:sid|s|zenid|oscsid)", re.IGNORECASE)
_TOKEN = re.compile(r"(?=[^&]*\d)[0-9a-zA-Z,-]{20,}")
# ASP.NET writes its session before the path: /(S(lit3py55t21z5v55vlm25s55))/news
_PATH_SESSION = re.compile(
    r";(?:jsessionid|sid|phpsessid)=[^/?#;]*|/(?:\([A-Z]\([\w-]{20,}\)\)|\((?:[A-Z]\([\w-]+\))*S\([\w-]{20,}\)\))(?=/)",
    re.IGNORECASE,
)
# Feeds often escape it once too often.
_AMPERSAND = re.compile(r"&(?:amp;)*")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

# Caches of AMP pages carry the publisher's own address in their path; `s` stands for https.
_AMP_CACHE = re.compile(
    r"https?://(?:(?:www\.)?google\.[a-z.]{2,6}/amp/|(?:www\.)?bing\.com/amp/|[\w.-]+\.cdn\.ampproject\.org/[a-z]/)"
    r"(s/)?(?P<rest>[\w.-]+\.[a-z]{2,}/.*)",
    re.IGNORECASE,
)
_ADDRESS_IN_TEXT = re.compile(r"https?://[^\s\"'<>]+")
_MAX_URL_CHARS = 2_000
# Some sites escape these in a path and some do not; servers treat both alike. Spec: RFC 3986 §2.2
_ESCAPED_MARKS = re.compile(r"%(?:21|27|28|29|2a)", re.IGNORECASE)
# Most links of a page stand on every page of its site.
_REMEMBERED = 1 << 13


@lru_cache(_REMEMBERED)
def normalise_location(url: str) -> str:
    """Return an address without fragment, campaign tags and session ids; what cannot be read is returned as it is.

    The order of the other parameters and their spelling are kept.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, " "))
    except ValueError:
        return url
    kept = [piece for piece in _AMPERSAND.split(parts.query) if piece and not _is_tracking(piece)]
    path = _PATH_SESSION.sub("", parts.path) or ("/" if host else "")
    return urlunsplit((parts.scheme, host, path, "&".join(kept), ""))


def respell(url: str) -> str:
    """Return an address with the characters `!'()*` in its path unescaped.

    If a page is linked as `a(b)` and as `a%28b%29`, a crawl requests whichever it meets first.
    """
    path, mark, query = url.partition("?")
    return _ESCAPED_MARKS.sub(lambda escape: unquote(escape[0]), path) + mark + query


def build_identity(url: str) -> str:
    """Return what an article is known by: its address, without the slash that some write at its end and some do not.

    The path is spelled as `respell` does, and the parameters are sorted by name.
    """
    try:
        parts = urlsplit(respell(normalise_location(url)))
    except ValueError:
        return url
    query = "&".join(sorted(parts.query.split("&"), key=lambda piece: piece.partition("=")[0]))
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") or parts.path[:1], query=query))


def _is_tracking(piece: str) -> bool:
    name, _, value = piece.partition("=")
    name = unquote(name)
    if _CAMPAIGN.fullmatch(name) or _SESSION.fullmatch(name):
        return True
    if _REFERRAL.fullmatch(name) and _PLACE_NAME.fullmatch(value):
        return True
    if _CHANNEL_NAME.fullmatch(name) and _CHANNEL.fullmatch(value):
        return True
    if _VARIANT.fullmatch(piece):
        return True
    return bool(_SHORT_SESSION.fullmatch(name) and _TOKEN.fullmatch(value))


def find_carried(url: str, admits: Callable[[str], bool]) -> str:
    """Return the address in scope that a share link, a redirecting link or an AMP cache's address carries, or ''.

    Args:
        admits: tells whether an address is in scope.
    """
    cached = _AMP_CACHE.fullmatch(url)
    if cached:
        meant = ("https://" if cached[1] else "http://") + cached["rest"]
        return normalise_location(meant) if admits(meant) else ""
    try:
        values = [value for _, value in parse_qsl(urlsplit(url).query, max_num_fields=40)]
    except ValueError:
        return ""
    for value in values:
        carried = _ADDRESS_IN_TEXT.search(value)
        if carried and len(carried[0]) <= _MAX_URL_CHARS and admits(carried[0]):
            return normalise_location(carried[0])
    return ""


def is_same_place(left: str, right: str) -> bool:
    """Return whether two addresses differ only in scheme, `www.`, a slash at the end, or tracking parameters."""
    return find_place(left) == find_place(right)


@lru_cache(_REMEMBERED)
def find_place(url: str) -> str:
    """Return what the addresses of one place have in common, in whatever scheme, with or without `www.`."""
    parts = urlsplit(normalise_location(url))
    return f"{parts.netloc.removeprefix('www.')}{unquote(parts.path).rstrip('/')}?{parts.query}"


def place_under(url: str, document_url: str) -> str:
    """Return an address with the scheme of the document that names it, where both are of one host.

    Feeds written long ago continue to name http addresses of a site that has moved to https.
    """
    try:
        parts, holder = urlsplit(url), urlsplit(document_url)
    except ValueError:
        return url
    if parts.netloc.lower() == holder.netloc.lower() and parts.scheme != holder.scheme:
        return urlunsplit(parts._replace(scheme=holder.scheme))
    return url
