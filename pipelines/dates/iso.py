"""Machine-readable dates. Spec: ISO 8601; RFC 3339 §5.6."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_MINUTE = timedelta(minutes=1)
_PLAIN = re.compile(
    r"([12]\d{3})-(\d\d)-(\d\d)[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?P<offset>Z|[+-](?:0\d|1[0-3]):[0-5]\d)?",
    re.ASCII,
)
# The same without what may be left out, or with what says nothing more; later years may be those of Buddha's era.
_NEARLY_PLAIN = re.compile(
    r"(1\d{3}|2[0-3]\d\d)-(\d\d)-(\d\d)(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,9})?)?"
    r"(?P<offset>Z|[+-](?:0\d|1[0-3]):?[0-5]\d)?)?",
    re.ASCII,
)


def match_plain(text: str) -> re.Match[str] | None:
    """Return the parts of a text that is such a date and nothing else: year to second, and `offset`."""
    return _PLAIN.fullmatch(text) or _NEARLY_PLAIN.fullmatch(text)


def read_offset(written: str) -> timedelta | None:
    """Return the offset that ISO 8601 writes as `Z`, `+08:00` or `-0330`; None for an empty text."""
    if not written:
        return None
    if written == "Z":
        return timedelta()
    offset = timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
    return -offset if written[0] == "-" else offset


def fit_offset(instant: datetime) -> datetime:
    """Return the same instant with an offset of whole minutes, because RFC 3339 writes no seconds there.

    Local mean time, which places kept before they had time zones, has seconds. They are rounded up, so that a day or a
    minute that was stated remains.
    """
    offset = instant.utcoffset()
    if not offset or not offset % _MINUTE:
        return instant
    return instant.astimezone(timezone(-(-offset // _MINUTE) * _MINUTE))
