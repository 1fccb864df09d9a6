"""Converts years and days of other calendars, and years in words, to Gregorian ones before parsing."""

from __future__ import annotations

import re
from datetime import date

from hijridate import Hijri
from persiantools.jdatetime import JalaliDate

from pipelines.dates import patterns as shapes
from pipelines.dates import vocabulary as words

# The year before the first of each era of Japan.
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867, "r": 2018, "h": 1988, "s": 1925}
_BEFORE_THE_REPUBLIC = 1911
_BUDDHIST_LEAD = 543
_BARE_REPUBLIC_YEAR = re.compile(r"(?<!\d)(?<!\d[.:/-])(1\d\d|\d\d(?=年))([年/.-])(?=\d{1,2}[月/.-]\d{1,2}(?!\d))")
# A cell a month; `/` separates spellings, `_` stands for a blank. The second of each pair is Afghanistan's.
_SOLAR_MONTHS = (
    "فروردین/حمل اردیبهشت/ثور خرداد/جوزا تیر/سرطان مرداد/امرداد/اسد شهریور/سنبله مهر/میزان آبان/عقرب آذر/قوس دی/جدی"
    " بهمن/دلو اسفند/حوت"
)
_LUNAR_MONTHS = (
    "محرم صفر ربيع_الأول ربيع_الآخر/ربيع_الثاني جمادى_الأولى/جمادى_الاولى جمادى_الآخرة/جمادى_الثانية رجب شعبان رمضان"
    " شوال ذو_القعدة/ذي_القعدة ذو_الحجة/ذي_الحجة"
)
# The thirteenth month has five or six days.
_ETHIOPIAN_MONTHS = (
    "መስከረም ጥቅምት ኅዳር/ህዳር/ሕዳር ታኅሣሥ/ታህሳስ/ታኅሳስ/ታህሣሥ ጥር የካቲት መጋቢት ሚያዝያ/ሚያዚያ ግንቦት ሰኔ ሐምሌ/ሀምሌ/ኃምሌ ነሐሴ/ነሀሴ/ነኀሴ ጳጉሜን/ጳጉሜ/ጳጉሜ_ን"
)
# The day, as `date.toordinal` counts, from which Ethiopian years of 365 days and months of 30 days are counted.
_ETHIOPIAN_START = 2400


def _spread(cells: str) -> dict[str, int]:
    return {
        words.fold(name.replace("_", " ")): number
        for number, cell in enumerate(cells.split(), start=1)
        for name in cell.split("/")
    }


_SOLAR, _LUNAR, _ETHIOPIAN = map(_spread, (_SOLAR_MONTHS, _LUNAR_MONTHS, _ETHIOPIAN_MONTHS))
_ETHIOPIC = re.compile("[\u1200-\u137f]")
_ETHIOPIAN_DAY = re.compile(
    rf"(?<![^\W\d_])(?P<name>{words.build_alternatives(_ETHIOPIAN)}) ?(?P<day>\d{{1,2}})(?: ?ቀን)?[ ,፣፤/]+"
    r"(?P<year>(?:19|20)\d\d)(?!\d)"
)
_YEAR = r"(?<!\d)(?P<year>1[345]\d\d)(?!\d)"
_IN_NUMBERS = (
    re.compile(rf"{_YEAR} ?(?P<sep>[/.-]) ?(?P<month>\d{{1,2}}) ?(?P=sep) ?(?P<day>\d{{1,2}})(?!\d)"),
    re.compile(rf"(?<![\d/.-])(?P<day>\d{{1,2}}) ?(?P<sep>[/.-]) ?(?P<month>\d{{1,2}}) ?(?P=sep) ?{_YEAR}"),
)
_NAMED = {
    calendar: re.compile(
        rf"(?<!\d)(?P<day>\d{{1,2}})(?!\d|:)[ ،,]*(?P<name>{words.build_alternatives(names)})(?![^\W\d_])"
        rf"(?:[ ،,]*{_YEAR})?"
    )
    for calendar, names in (("solar", _SOLAR), ("lunar", _LUNAR))
}
_LUNAR_MARK = re.compile(r"هـ|هجري(?!ه? ?شمسي)")
_GREGORIAN_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_WEEK_DATE = re.compile(r"(?<![\w-])(\d{4})-?w(\d\d)-?([1-7])(?!\d)")
_THAI = re.compile("[\u0e00-\u0e7f]")
_PERSIAN_DIGIT = re.compile("[۰-۹]")
_ARABIC_SCRIPT = re.compile("[\u0600-\u06ff]")
_BUDDHIST_YEAR = re.compile(r"(?<!\d)2[45]\d\d(?!\d)")


def _normalise_days(text: str, *, found: str, language: str, zone_key: str, today: date) -> str:
    """Write days of the Persian and of the Islamic calendar as Gregorian ones.

    Where a text has a Gregorian year as well, that is believed: the first day of an Islamic month is seen, not counted.

    Args:
        text: folded.
        found: the text before folding, which still knows its digits.
        today: local day of the capture; a day without a year is the latest such day.
    """
    if _GREGORIAN_YEAR.search(text):
        return text
    is_persian = language.startswith(("fa", "ps", "prs", "ckb")) or zone_key in ("Asia/Tehran", "Asia/Kabul")
    if _ARABIC_SCRIPT.search(text):
        text = _NAMED["solar"].sub(lambda day: _convert(day, "solar", today), text)
        text = _NAMED["lunar"].sub(lambda day: _convert(day, "lunar", today), text)
    is_lunar = bool(_LUNAR_MARK.search(found))
    if is_lunar or is_persian or _PERSIAN_DIGIT.search(found):
        for pattern in _IN_NUMBERS:
            text = pattern.sub(lambda day: _convert(day, "lunar" if is_lunar else "solar", today), text)
    return text


def _convert(day: re.Match[str], calendar: str, today: date) -> str:
    """Return a day as ISO 8601 writes it, or the text as it is where the calendar has no such day."""
    groups = day.groupdict()
    names = _SOLAR if calendar == "solar" else _LUNAR
    month = names[groups["name"]] if groups.get("name") else int(groups["month"])
    newest = _read_solar(today) if calendar == "solar" else today.year - 578
    years = [int(groups["year"])] if groups["year"] else [newest, newest - 1]
    for year in years:
        try:
            converted = _find_day(calendar, year, month, int(groups["day"]))
        except (ValueError, OverflowError):
            continue
        if groups["year"] or converted <= today:
            return f"{converted.isoformat()} "
    return day[0]


def _read_solar(today: date) -> int:
    """Return the year of the Persian calendar that a day is in."""
    found: int = JalaliDate.to_jalali(today).year  # type: ignore[no-untyped-call]
    return found


def _build_solar(year: int, month: int, day: int) -> date:
    found: date = JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    return found


def _find_day(calendar: str, year: int, month: int, day: int) -> date:
    if calendar == "solar":
        return _build_solar(year, month, day)
    found = Hijri(year, month, day).to_gregorian()
    return date(found.year, found.month, found.day)


def _convert_ethiopian(text: str) -> str:
    """Return the Ethiopian date in a text as ISO 8601, or the text; the time counts from dawn and is dropped."""
    found = _ETHIOPIAN_DAY.search(text)
    if found is None:
        return text
    year, month, day = int(found["year"]), _ETHIOPIAN[found["name"]], int(found["day"])
    last = 30 if month < 13 else 6 if year % 4 == 3 else 5
    if not 1 <= day <= last:
        return text
    return date.fromordinal(_ETHIOPIAN_START + 365 * year + year // 4 + 30 * month + day).isoformat()


def _convert_week(found: re.Match[str]) -> str:
    """Return the day that ISO 8601 writes as a week and its day."""
    try:
        return date.fromisocalendar(*(int(part) for part in found.groups())).isoformat()
    except ValueError:
        return found[0]


def normalise_years(text: str, *, found: str, language: str, zone_key: str, today: date) -> str:
    """Convert dates of other calendars, and Japanese, Taiwanese and Buddhist years, to Gregorian ones.

    Args:
        text: folded, as `date_words.fold` leaves it.
        found: the text before folding.
        language: BCP 47 tag in lower case; a bare year of the Republic or of Japan is read only where the language or
            the zone says so.
        zone_key: IANA name of the source's zone, or an empty string.
        today: local day of the capture, in the zone of the source.
    """
    if _ETHIOPIC.search(text):
        text = _convert_ethiopian(text)
    text = _normalise_days(text, found=found, language=language, zone_key=zone_key, today=today)
    text = _WEEK_DATE.sub(_convert_week, text)
    text = shapes.GLUED_CLOCK.sub(lambda m: m[1].rstrip(":") + " ", text)
    text = shapes.ERA.sub(lambda m: f"{_ERAS[m[1]] + _read_year(m[2])}年", text)
    text = shapes.ROC.sub(lambda m: f"{_BEFORE_THE_REPUBLIC + _read_year(m[1])}{m[0][-1]}", text)
    text = shapes.YEAR_WORD.sub(lambda m: f"{today.year - words.YEARS_AGO[m[1]]}年", text)
    if language.startswith("ja"):
        text = shapes.SHORT_ERA.sub(lambda m: f"{_ERAS[m[1]] + int(m[2])}{m[3]}", text)
    if zone_key == "Asia/Taipei" or language.startswith(("zh-hant", "zh-tw")):
        text = _BARE_REPUBLIC_YEAR.sub(lambda m: f"{_BEFORE_THE_REPUBLIC + int(m[1])}{m[2]}", text)
    if language.startswith("th") or _THAI.search(text):
        text = _BUDDHIST_YEAR.sub(lambda m: str(int(m[0]) - _BUDDHIST_LEAD), text)
    return text


def _read_year(digits: str) -> int:
    """Return the number of a year in its era; the first is called 元."""
    return 1 if digits == "元" else int(digits)
