"""Every capture of an address on a calendar: years as bars, one year's days as shades, one day's captures as a list.

What is drawn depends on the number of days, not of captures, so ten thousand captures cost no more than ten.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from archives.replay.markup import Html, fill, join
from archives.replay.pages import build_address_form, build_capture_table, build_machine_links, build_page, count_words
from archives.replay.routes import build_calendar_path

if TYPE_CHECKING:
    from archives.index.catalogue import CollectionIndex
    from archives.replay.http import Response

MAX_LISTED: Final = 500
_MONTHS: Final = tuple(calendar.month_name)
_SHADES: Final = ((50, 5), (20, 4), (6, 3), (2, 2), (1, 1))
_ONE_MICRO: Final = timedelta(microseconds=1)


def build_calendar(index: CollectionIndex, collection: str, url: str, span: str, bar: Html) -> Response | None:
    """The calendar of an address; None if it was never captured.

    Args:
        span: the year to show (4 digits) or the day to list (8); empty for the last.
    """
    days = index.count_days(url)
    if not days:
        return None
    year = int(span[:4]) if span else days[-1][0].year
    counts = {day: count for day, count in days if day.year == year}
    chosen = _parse_day(span) or (max(counts) if counts else None)
    total = sum(count for _, count in days)
    body = fill(
        '<h1 class="address">{url}</h1><p class="lead">{captures} on {days}, from {first} to {last}</p>{form}'
        "{years}{months}{listed}{links}",
        url=url,
        captures=count_words(total, "capture"),
        days=count_words(len(days), "day"),
        first=f"{days[0][0]:%-d %b %Y}",
        last=f"{days[-1][0]:%-d %b %Y}",
        form=build_address_form(collection, url),
        years=_build_years(days, year, collection, url),
        months=_build_months(counts, year, collection, url, chosen),
        listed=_build_day(index, collection, url, chosen) if chosen else "",
        links=build_machine_links(collection, url),
    )
    return build_page(f"Captures of {url}", body, bar=bar, kind="calendar")


def _parse_day(span: str) -> date | None:
    try:
        return datetime.strptime(span, "%Y%m%d").replace(tzinfo=UTC).date() if len(span) == 8 else None
    except ValueError:
        return None


def _build_years(days: list[tuple[date, int]], shown: int, collection: str, url: str) -> Html:
    counts: dict[int, int] = dict.fromkeys(range(days[0][0].year, days[-1][0].year + 1), 0)
    for day, count in days:
        counts[day.year] += count
    most = max(counts.values())
    items = [
        fill(
            '<li><a href="{path}" {current}title="{words}"><span class="column h{height}"></span>{year}</a></li>',
            path=build_calendar_path(collection, url, f"{year:04}"),
            current=Html('aria-current="true" ') if year == shown else "",
            words=count_words(count, "capture"),
            height=0 if not count else 1 + count * 9 // most,
            year=year,
        )
        for year, count in counts.items()
    ]
    return fill('<ol class="years" aria-label="Years">{items}</ol>', items=join(items))


def _build_months(counts: dict[date, int], year: int, collection: str, url: str, chosen: date | None) -> Html:
    shown = sorted({day.month for day in counts})
    months = [_build_month(counts, year, month, collection, url, chosen) for month in shown]
    return fill('<div class="months">{months}</div>', months=join(months, "\n"))


def _build_month(
    counts: dict[date, int], year: int, month: int, collection: str, url: str, chosen: date | None
) -> Html:
    first, length = calendar.monthrange(year, month)
    cells = [Html("<span></span>")] * first
    for number in range(1, length + 1):
        day = date(year, month, number)
        count = counts.get(day, 0)
        if not count:
            cells.append(fill("<span>{number}</span>", number=number))
            continue
        cells.append(
            fill(
                '<a class="s{shade}" href="{path}#day" {current}title="{words}">{number}</a>',
                shade=next(shade for least, shade in _SHADES if count >= least),
                path=build_calendar_path(collection, url, f"{day:%Y%m%d}"),
                current=Html('aria-current="date" ') if day == chosen else "",
                words=count_words(count, "capture"),
                number=number,
            )
        )
    return fill(
        '<section class="month"><h3>{name}</h3><div class="days">{cells}</div></section>',
        name=_MONTHS[month],
        cells=join(cells),
    )


def _build_day(index: CollectionIndex, collection: str, url: str, day: date) -> Html:
    since = datetime.combine(day, time(), UTC)
    until = since + timedelta(days=1) - _ONE_MICRO
    entries = list(islice(index.iter_captures(url, since=since, until=until), MAX_LISTED + 1))
    cut = len(entries) > MAX_LISTED
    return fill(
        '<h2 id="day">{day}</h2>{table}{more}',
        day=f"{day:%-d %B %Y}",
        table=build_capture_table(collection, entries[:MAX_LISTED]),
        more=fill('<p class="small">and more; the index lines have them all.</p>') if cut else "",
    )
