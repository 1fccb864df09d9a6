"""Addresses and instants in archive formats: SURT keys for sorting, 14-digit timestamps, WARC dates.

The key follows what index tools do rather than the letter of the CDXJ draft (`www.` is dropped), so that
other replay software finds our captures and we find theirs.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

# An address is looked for when it is found, when it is requested and when it is archived.
_REMEMBERED: Final = 4096
_WEB_URL: Final = re.compile(r"(?i)(https?):/*([^/?#]*)([^?#]*)(\?[^#]*)?")
# What other tools leave as it stands: what has no host, and names of their own.
_HOST_URL: Final = re.compile(r"(?i)((?!filedesc:|warcinfo:)[a-z][a-z0-9+.-]*)://([^/?#]+)([^?#]*)(\?[^#]*)?")
_WWW: Final = re.compile(rb"www[0-9]*\.")
_IPV6: Final = re.compile(r"(?i)(?:www[0-9]*\.)?\[([^\[\]]*)\]")
_DOTTED: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_PATH_SESSION: Final = re.compile(r"(?i);jsessionid=[0-9a-z.!_-]*|/\([a-z]\([0-9a-z]{24}\)\)(?=/)")
_QUERY_SESSION: Final = re.compile(
    r"(?:jsessionid|phpsessid|sid)=[0-9a-z]{32}|aspsessionid[a-z]{8}=[a-z]{24}|cfid=[^&]+&cftoken=[^&]+"
)
_UNSAFE: Final = re.compile(r"[^!-~]|[#%]")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
VIEW_PREFIX: Final = "urn:view:"
"""Precedes a page's address in the address of its screenshot, as in the files of Browsertrix."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# What nearly every writer states, read in a fifth of the time.
_PLAIN_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.(?:[0-9]{3}){1,2})?Z"
)
_WARC_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d))?)?)?)?",
    re.ASCII,
)
_TIMESTAMP_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_STANDARD_DATE: Final = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?Z)?)?)?", re.ASCII)


@lru_cache(_REMEMBERED)
def surt_key(url: str) -> str:
    """The key that sorts captures of one site together: `org,example)/path?query`.

    Case, `www.`, user information, default ports, fragments, trailing slashes, the order of the query, session ids
    and the scheme do not distinguish keys. An address without a host (`urn:`, `dns:`) is kept as it is.

    Spec: CDXJ 0.1.0 §2.1, with `www.` dropped as every implementation does.
    """
    bare = re.sub(r"[\t\r\n]", "", url.strip())
    match = _WEB_URL.match(bare) or _HOST_URL.match(bare)
    if match is None:
        return url
    scheme, authority, path, query = match[1].lower(), match[2], match[3], match[4]
    key = _build_authority(scheme, authority) + ")" + _normalise_path(path)
    arguments = _normalise_query((query or "?")[1:])
    return f"{key}?{arguments}" if arguments else key


@lru_cache(_REMEMBERED)
def _build_authority(scheme: str, authority: str) -> str:
    host = authority.rpartition("@")[2]
    host, colon, port = host.rpartition(":") if re.search(r":[0-9]*$", host) else (host, "", "")
    if address := _IPV6.fullmatch(host):
        reverse = address[1].lower()
    else:
        reverse = ",".join(reversed(_normalise_host(host).split(".")))
    return reverse if port in {"", _DEFAULT_PORTS.get(scheme)} else f"{reverse}{colon}{port}"


def _normalise_host(host: str) -> str:
    raw = unquote_to_bytes(host)
    try:
        name = raw.decode("utf-8").encode("idna")
    except UnicodeError:
        name = raw
    name = re.sub(rb"\.{2,}", b".", name.strip(b".")).lower()
    if not _DOTTED.fullmatch(name.decode("latin-1")):
        name = _WWW.sub(b"", name, count=1) if _WWW.match(name) else name
    return _escape(name)


def _normalise_path(path: str) -> str:
    text = _escape(_unescape(_PATH_SESSION.sub("", path))).lower()
    kept: list[str] = []
    for segment in text.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/" + "/".join(kept)


def _normalise_query(query: str) -> str:
    text = _escape(_unescape(query)).lower()
    pairs = []
    for argument in _drop_sessions(text).split("&"):
        name, equals, value = argument.partition("=")
        pairs.append((name, equals, value))
    return "&".join("".join(pair) for pair in sorted(pairs))


def _drop_sessions(query: str) -> str:
    """Without `name=value` arguments that only tell visitors apart."""
    kept = re.sub(rf"(?:^|(?<=&))(?:{_QUERY_SESSION.pattern})(?:&|$)", "", query)
    return kept.removesuffix("&") if kept != query else kept


def _unescape(text: str) -> bytes:
    """Percent-decode until nothing changes, so that `%257E`, `%7E` and `~` are one."""
    raw = text.encode("utf-8", "surrogatepass")
    while b"%" in raw:
        decoded = unquote_to_bytes(raw)
        if decoded == raw:
            break
        raw = decoded
    return raw


def _escape(raw: bytes) -> str:
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", raw.decode("latin-1"))


def format_timestamp(at: datetime) -> str:
    """14 digits in UTC, `YYYYMMDDhhmmss`."""
    utc = _convert_to_utc(at)
    return f"{utc.year:04}{utc.month:02}{utc.day:02}{utc.hour:02}{utc.minute:02}{utc.second:02}"


def _convert_to_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone; give an aware datetime")
    return at.astimezone(UTC)


def parse_timestamp(timestamp: str) -> datetime:
    """The instant of 14 digits, or of 17 with milliseconds.

    Raises:
        ValueError: not such digits, or no such instant.
    """
    if not re.fullmatch(r"[0-9]{14}(?:[0-9]{3})?", timestamp):
        raise ValueError(f"not a timestamp of 14 or 17 digits: {timestamp!r}")
    year, rest = int(timestamp[:4]), [int(timestamp[at : at + 2]) for at in range(4, 14, 2)]
    month, day, hour, minute, second = rest
    micros = int(timestamp[14:] or 0) * 1000
    return datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)


def format_warc_date(at: datetime) -> str:
    """A WARC-Date in UTC with six fraction digits.

    Spec: WARC/1.1 §5.4.
    """
    utc = _convert_to_utc(at)
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_warc_date(date: str) -> datetime:
    """The instant of a WARC-Date: to the second, with one to nine fraction digits, or only to the day.

    Digits beyond the microsecond are cut. What other tools write against the standard is read, too: an offset from UTC
    is applied, a date without a zone is in UTC, `T` may be a blank, and the date a timestamp of 14 digits.

    Raises:
        ValueError: not such a date.

    Spec: WARC/1.1 §5.4; W3C NOTE-datetime.
    """
    if _PLAIN_DATE.fullmatch(date):
        return datetime.fromisoformat(date)
    text = _TIMESTAMP_DATE.sub(r"\1-\2-\3T\4:\5:\6Z", date.strip()) if date.strip().isdigit() else date.strip()
    match = _WARC_DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a WARC date: {date!r}")
    year, month, day, hour, minute, second, fraction, sign, *offset = match.groups()
    micros = int((fraction or "0").ljust(6, "0")[:6])
    at = datetime(
        int(year),
        int(month or 1),
        int(day or 1),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        micros,
        UTC,
    )
    try:
        return at - int(f"{sign}1") * timedelta(hours=int(offset[0]), minutes=int(offset[1])) if sign else at
    except OverflowError as error:
        raise ValueError(f"not a WARC date: {date!r}") from error


def is_standard_date(date: str) -> bool:
    """Whether a WARC-Date is written as the standard says."""
    return _STANDARD_DATE.fullmatch(date) is not None


def is_same_instant(first: datetime, second: datetime) -> bool:
    """Whether two dates may be one instant, written to another precision: the second, or a part of it."""
    coarse, fine = sorted((first, second), key=lambda at: len(f"{at.microsecond:06}".rstrip("0")))
    digits = len(f"{coarse.microsecond:06}".rstrip("0"))
    unit = 10 ** (6 - digits)
    return coarse == fine.replace(microsecond=fine.microsecond - fine.microsecond % unit)


def count_micros(at: datetime) -> int:
    """The instant as microseconds since 1970, exactly; how databases hold it."""
    return (at - _EPOCH) // _MICROSECOND


def build_instant(micros: int) -> datetime:
    """The instant that `count_micros` counted."""
    return _EPOCH + timedelta(microseconds=micros)


def describe_url(url: str) -> str:
    """Return an address without user, password and options, fit to be logged."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
