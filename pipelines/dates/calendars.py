"""Years of other calendars, and years said in words, written as Gregorian numbers before a date is read."""

from __future__ import annotations

import re

from pipelines.dates import patterns as shapes
from pipelines.dates import vocabulary as words

# The year before the first of each era of Japan.
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867, "r": 2018, "h": 1988, "s": 1925}
_BEFORE_THE_REPUBLIC = 1911
_BUDDHIST_LEAD = 543
_BARE_REPUBLIC_YEAR = re.compile(r"(?<!\d)(?<!\d[.:/-])(1\d\d|\d\d(?=年))([年/.-])(?=\d{1,2}[月/.-]\d{1,2}(?!\d))")
_BUDDHIST_YEAR = re.compile(r"(?<!\d)2[45]\d\d(?!\d)")


def normalise_years(text: str, *, language: str, zone_key: str, current_year: int) -> str:
    """Write the years of Japan's eras, of the Republic of China and of the Buddhist era as Gregorian ones.

    Args:
        text: folded, as `date_words.fold` leaves it.
        language: BCP 47 tag in lower case; a bare year of the Republic, of Japan or of Buddha is read only where the
            language or the zone says so.
        zone_key: IANA name of the source's zone, or an empty string.
        current_year: of the capture, in the zone of the source.
    """
    text = shapes.GLUED_CLOCK.sub(lambda m: m[1].rstrip(":") + " ", text)
    text = shapes.ERA.sub(lambda m: f"{_ERAS[m[1]] + _read_year(m[2])}年", text)
    text = shapes.ROC.sub(lambda m: f"{_BEFORE_THE_REPUBLIC + _read_year(m[1])}{m[0][-1]}", text)
    text = shapes.YEAR_WORD.sub(lambda m: f"{current_year - words.YEARS_AGO[m[1]]}年", text)
    if language.startswith("ja"):
        text = shapes.SHORT_ERA.sub(lambda m: f"{_ERAS[m[1]] + int(m[2])}{m[3]}", text)
    if zone_key == "Asia/Taipei" or language.startswith(("zh-hant", "zh-tw")):
        text = _BARE_REPUBLIC_YEAR.sub(lambda m: f"{_BEFORE_THE_REPUBLIC + int(m[1])}{m[2]}", text)
    if language.startswith("th"):
        text = _BUDDHIST_YEAR.sub(lambda m: str(int(m[0]) - _BUDDHIST_LEAD), text)
    return text


def _read_year(digits: str) -> int:
    """Return the number of a year in its era; the first is called 元."""
    return 1 if digits == "元" else int(digits)
