"""Patterns of days and periods in a folded text.

One regular expression a family, in the order of how little they leave open; what the groups mean in which language is
for `dates` to decide.
"""

from __future__ import annotations

import re

from pipelines.dates import vocabulary as words
from pipelines.late_patterns import compile_late

_ALONE = r"(?<!\d)(?<!\d[.:])"
_YEAR = r"(?P<year>\d{4})"
_MONTH = r"(?P<month>\d{1,2})"
_DAY = r"(?P<day>\d{1,2})"
_GAP = r"[ .,/-]*"
_NAMES = {name for table in words.MONTHS_BY_LANGUAGE.values() for name in table}
_NAME = rf"(?<![^\W\d_])(?P<name>{words.build_alternatives(_NAMES)})(?![^\W\d_])"
_ORDINAL = r"(?:st|nd|rd|th|er|º|ª|°|-?го|-?е)?"
_OF = r"(?:(?:de|del|di|of|d')[ .]*)?"
_ERA_MARK = r"(?:(?:de|del|di|of|nam|م|พ\.ศ\.)[ .]*)?"
_THANG = r"(?:tháng|thang|thg)"

# With the month's name; the year may be missing.
NAMED_DATES = (
    compile_late(rf"(?<!\d){_YEAR}{_GAP}(?:m\. |г\. )?{_NAME}{_GAP}{_DAY}(?![\d:])"),
    compile_late(
        rf"(?<!\d)(?<!\d:){_DAY}{_ORDINAL}{_GAP}{_OF}{_NAME}"
        rf"(?:{_GAP}{_ERA_MARK}(?P<year>\d{{4}}|'\d\d|(?<=[/-])\d\d)(?![\d:]))?"
    ),
    compile_late(
        rf"{_NAME}{_GAP}{_DAY}(?:st|nd|rd|th)?(?![\d:])(?:{_GAP}(?:de |del |of )?(?P<year>\d{{4}}|'\d\d)(?![\d:]))?"
    ),
)
# `04-ago-2021` is a date, whatever the language of the page.
JOINED_NAME = compile_late(r"\d([-/.])[^\W\d_]+\.?\1\d{4}")
# In numbers with a year; `a`, `b` and `c` where the language decides which is which.
SEPARATED_DATES = (
    compile_late(rf"{_ALONE}(?P<year>\d{{4}}|\d{{2,3}}(?= ?[年년])) ?[年년] ?{_MONTH} ?[月월] ?{_DAY}(?!\d|:)"),
    compile_late(rf"{_ALONE}{_YEAR} ?(?:оны?|он)? ?{_MONTH} ?(?:-?(?:р|д[уү]г[аэ][аэ]р) )?сарын ?{_DAY}(?!\d|:)"),
    compile_late(rf"(?<!\d){_DAY} ?{_THANG} ?{_MONTH}(?!\d)[ ,]*(?:nam )?{_YEAR}(?!\d)"),
    compile_late(rf"{_ALONE}{_YEAR} ?(?P<sep>[-/.]) ?{_MONTH} ?(?P=sep) ?{_DAY}(?:(?!\d)|(?=\d\d:\d\d))"),
    compile_late(
        rf"{_ALONE}(?P<a>\d{{1,3}}) ?(?P<sep>[-/.]) ?(?P<b>\d{{1,2}}) ?(?P=sep) ?(?P<c>\d{{4}}|\d\d)(?![\d:]|\.\d)"
    ),
    compile_late(
        r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])"
        r"(?=$|[ t_-]\d\d:?\d\d|[ ,])"
    ),
)
YEARLESS_DATES = (
    compile_late(rf"(?<![\d年년]){_MONTH} ?[月월] ?{_DAY}(?!\d|:)"),
    compile_late(rf"(?<!\d){_DAY} ?{_THANG} ?{_MONTH}(?!\d)"),
    compile_late(r"(?<!\d)(?<!\d[.:/-])(?P<a>\d{1,2})(?P<sep>[-/])(?P<b>\d{1,2})(?=[ ,|]|$|\D{1,12}\d{1,2}:)(?![-/])"),
    compile_late(r"(?<!\d)(?<!\d[.:/-])(?P<a>\d{1,2})\. ?(?P<b>\d{1,2})(?:\.(?!\d)|(?= \d{1,2}:\d\d))"),
)
# A day and a year whose month we cannot read: anything but the day of the capture.
DAY_AND_YEAR = compile_late(r"(?<!\d)\d{1,2}\b.*(?<!\d)\d{4}(?!\d)")
YEAR_BEHIND = compile_late(r"[ ,]*(?:[a-z]{1,5}|[+-]\d{4}|gmt[+-]\d{4})?[ ,]*(?P<year>\d{4})(?!\d)")
# `2022-02-1810:21`, where markup was between, and the `03/Aug/2023:18:30:11` of server logs.
GLUED_CLOCK = compile_late(r"(\d{4}-\d\d-\d\d|/\d{4}:)(?=\d\d:\d\d)")
YEAR_WORD = compile_late(rf"({words.build_alternatives(words.YEARS_AGO)})(?= ?\d{{1,2}} ?月)")
ERA = compile_late(r"(令和|平成|昭和|大正|明治) ?(元|\d{1,2}) ?年")
SHORT_ERA = compile_late(r"(?<![a-z])([rhs])(\d{1,2})([./-])(?=\d{1,2}[./-]\d{1,2})")
ROC = compile_late(r"(?:中華民國|中华民国|民國|民国) ?(元|\d{1,3}) ?[年/.-]")
COMPACT = compile_late(
    r"(?P<digits>(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:(?P<hour>\d\d)(?P<minute>\d\d)(?:(?P<second>\d\d)(?:\d{3})?)?)?)(?P<offset>(?<=\d{12})(?:z|[+-]\d\d:?\d\d))?"
)
NUMBER = compile_late(r"(?P<number>-?\d{1,19})(?:\.\d{1,9})?")
MS_DATE = compile_late(r"\\?/date\((?P<number>-?\d{1,16})(?:[+-]\d{4})?\)\\?/")
_COUNT = (
    r"(?:(?P<count>\d{1,4})|(?P<half>半个?|half an?|(?:eine[r]? )?halben?|media)|(?P<few>几|幾|数|a few|few)"
    rf"|(?P<one>{words.build_alternatives(words.ONE)})(?= ))"
)
SPAN = compile_late(
    rf"(?<![\w.:]){_COUNT} ?(?P<unit>{words.build_alternatives(words.UNITS)}|(?:[smhdw]|dk|sa)(?![^\W\d_]))"
)
UNSPACED_SPAN = compile_late(
    rf"{_COUNT} ?(?P<unit>{words.build_alternatives(word for word in words.UNITS if words.is_unspaced(word))})"
)
AGO = compile_late(words.build_bounded(words.AGO))
_BARE_UNIT = words.build_alternatives([*words.PAIRS, *(word for word in words.UNITS if len(word) > 1)])
BARE_SPAN = compile_late(
    rf"(?<!\w)(?:(?P<before>{_BARE_UNIT})\w{{0,3}} (?:{AGO.pattern})|(?:{AGO.pattern}) (?P<after>{_BARE_UNIT})(?!\w))"
)
JUST_NOW = compile_late(words.build_bounded(words.JUST_NOW))
# `今日头条` is a publisher, `今日上午` a day.
_NO_LONGER_WORD = rf"(?=$|[^\u3040-\u30ff\u4e00-\u9fff]|{words.build_alternatives(words.HALVES)})"
DAY_WORD = compile_late(rf"(?P<word>{words.build_bounded(words.DAYS_AGO)}){_NO_LONGER_WORD}")
WEEKDAY = compile_late(rf"(?P<last>上个?)?(?P<word>{words.build_bounded(words.WEEKDAYS)}){_NO_LONGER_WORD}")
# The numbers are digits once the text is folded.
_SPELLED = compile_late(r"\d ?月 ?\d")
LABEL = compile_late("|".join(re.escape(word) for word in (*words.PUBLISHED, *words.MODIFIED)))


def names_day(text: str) -> bool:
    """Return whether a short text without a digit says a day or an instant in words, in any language.

    These are words for days, spans such as `an hour ago`, and numbers that are spelled: `三月十五日`.
    """
    folded = words.fold(text)
    if DAY_WORD.search(folded) or JUST_NOW.search(folded) or _SPELLED.search(folded):
        return True
    return bool(AGO.search(folded) and (BARE_SPAN.search(folded) or SPAN.search(folded)))
