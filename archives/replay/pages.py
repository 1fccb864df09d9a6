"""The viewer's own pages: plain HTML that works without a script, on a phone and from the keyboard."""

from __future__ import annotations

from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Final

from archives.replay.http import HTML_TYPE, Response
from archives.replay.markup import Html, fill, join
from archives.replay.routes import build_calendar_path, build_path, build_timemap_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from archives.index.cdxj import IndexEntry

STYLE_PATH: Final = "/-/style.css"
ICON_PATH: Final = "/-/icon.svg"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src {frames}; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="{asset}">
<link rel="icon" href="/-/icon.svg">
</head>
<body class="{kind}">
{body}
</body>
</html>
"""
_BAR: Final = """<a class="skip" href="#main">Skip to content</a>
<header class="bar"><a class="mark" href="/">Newsreel</a>{crumbs}<nav aria-label="Sections">{sections}</nav></header>
"""


def load_assets() -> dict[str, Response]:
    """What the pages need beside themselves, by path."""
    folder = resources.files("archives.replay").joinpath("web")
    types = {STYLE_PATH: "text/css; charset=utf-8", ICON_PATH: "image/svg+xml"}
    return {
        path: Response(
            headers=(("Content-Type", kind), ("Cache-Control", "private, max-age=300")),
            body=folder.joinpath(path.rpartition("/")[2]).read_bytes(),
        )
        for path, kind in types.items()
    }


def build_page(
    title: str, main: Html, *, bar: Html, kind: str = "plain", status: int = 200, frames: str = "'none'"
) -> Response:
    """A whole page.

    Args:
        frames: the origins from which the page may show a frame.
    """
    body = join([bar, fill('<main id="main">\n{main}\n</main>', main=main)])
    return build_bare_page(title, body, kind=kind, status=status, frames=frames)


def build_bare_page(
    title: str,
    body: Html,
    *,
    kind: str,
    status: int = 200,
    frames: str = "'none'",
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """A page without a bar of its own."""
    text = fill(_PAGE, title=f"{title} · Newsreel", asset=STYLE_PATH, kind=kind, body=body)
    own = (
        ("Content-Type", HTML_TYPE),
        ("Content-Security-Policy", _POLICY.format(frames=frames)),
        ("Cache-Control", "no-cache"),
        *headers,
    )
    return Response(status=status, headers=own, body=text.encode("utf-8", "replace"))


def build_bar(crumbs: Sequence[tuple[str, str]] = (), sections: Iterable[tuple[str, str]] = ()) -> Html:
    """The line at the head of a page: where one is, and where else one may go; each a label and an address."""
    steps = join(
        fill('<span class="step">/</span><a href="{href}">{label}</a>', label=label, href=href)
        for label, href in crumbs
    )
    links = join(fill('<a href="{href}">{label}</a>', label=label, href=href) for label, href in sections)
    return fill(_BAR, crumbs=steps, sections=links)


def format_instant(at: datetime) -> str:
    """An instant for people."""
    return f"{at.day} {at:%b} {at.year:04}, {at:%H:%M:%S} UTC"


def build_time(at: datetime) -> Html:
    """An instant for people and programs."""
    return fill('<time datetime="{iso}">{text}</time>', iso=at.isoformat(), text=format_instant(at))


def count_words(count: int, noun: str) -> str:
    """A number and what it counts."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def build_error_page(status: int, headline: str, message: str, *, links: Iterable[tuple[str, str]] = ()) -> Response:
    """A page that says what is not there, and what is."""
    # The page may stand in a frame; its links open whole pages.
    item = '<li><a target="_top" href="{href}">{label}</a></li>'
    items = join(fill(item, label=label, href=href) for label, href in links)
    body = fill(
        '<section class="note"><p class="code">{status}</p><h1>{headline}</h1><p>{message}</p>'
        "<ul>{items}</ul></section>",
        status=status,
        headline=headline,
        message=message,
        items=items,
    )
    return build_page(headline, body, bar=build_bar(), kind="error", status=status)


_BANNER: Final = """<header class="banner">
<a class="mark" href="/" title="Front page">Newsreel</a>
<div class="what"><strong title="{url}">{url}</strong>
<span>captured {time} in <a href="{home}">{collection}</a>{status}</span></div>
<nav aria-label="Captures">{before}{after}<a href="{calendar}" accesskey="c">Calendar</a>\
<a href="{raw}" accesskey="r">Raw</a>{notes}</nav>
</header>
<iframe class="archived" title="Archived page" src="{frame}" \
sandbox="allow-same-origin allow-top-navigation-by-user-activation" referrerpolicy="no-referrer"></iframe>
"""


def build_memento_page(
    entry: IndexEntry,
    collection: str,
    *,
    frame: str,
    before: str,
    after: str,
    notes: Iterable[tuple[str, str]] = (),
    frames: str = "'self'",
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """The banner above, the archived page below, in a frame that can do nothing.

    Args:
        frame: where the frame finds its page.
        before: the path of the capture before this one; empty if there is none.
        notes: more links, each a label and an address.
    """
    body = fill(
        _BANNER,
        url=entry.url,
        time=build_time(entry.captured_at),
        home=f"/{collection}/",
        collection=collection,
        status="" if entry.status in {200, None} else fill(' · <b class="odd">HTTP {status}</b>', status=entry.status),
        before=_build_step(before, "prev", "‹ Earlier", "p"),
        after=_build_step(after, "next", "Later ›", "n"),
        calendar=build_calendar_path(collection, entry.url),
        raw=build_path(collection, entry.url, stamp=entry.timestamp, modifier="id_"),
        notes=join(fill('<a class="own" href="{href}">{label}</a>', label=label, href=href) for label, href in notes),
        frame=frame,
    )
    return build_bare_page(f"{entry.url} · {entry.timestamp}", body, kind="memento", frames=frames, headers=headers)


def _build_step(path: str, relation: str, label: str, key: str) -> Html:
    if not path:
        return fill('<span class="off">{label}</span>', label=label)
    template = '<a rel="{relation}" href="{path}" accesskey="{key}">{label}</a>'
    return fill(template, relation=relation, path=path, key=key, label=label)


def build_collection_page(
    collection: str,
    *,
    count: int,
    latest: Sequence[IndexEntry],
    bar: Html,
    message: str = "",
) -> Response:
    """A collection: how much it holds, a field for an address, the pages captured last."""
    body = fill(
        '<h1>{name}</h1><p class="lead">{count}{message}</p>{form}'
        '<h2>Captured last</h2>{rows}<p class="small">For programs: <a href="/{name}/cdx?url=*.{example}">index</a>, '
        "TimeMaps and a TimeGate for every address.</p>",
        name=collection,
        count=count_words(count, "capture"),
        message=message,
        form=build_address_form(collection),
        rows=build_capture_table(collection, latest, with_url=True),
        example="example.org",
    )
    return build_page(collection, body, bar=bar)


def build_address_form(collection: str, url: str = "") -> Html:
    """A field that leads to the calendar of an address."""
    return fill(
        '<form class="find" action="/-/open"><input type="hidden" name="collection" value="{name}">'
        '<label for="address">Address</label><input id="address" name="url" type="text" inputmode="url" required '
        'placeholder="https://… or the beginning of one, with * at its end" value="{url}" autocomplete="off">'
        "<button>Show captures</button></form>",
        name=collection,
        url=url,
    )


def build_capture_table(collection: str, entries: Sequence[IndexEntry], *, with_url: bool = False) -> Html:
    """Captures, a row each."""
    if not entries:
        return fill("<p>None.</p>")
    heads = ["When", *["Address"] * with_url, "Status", "Type", "Payload"]
    rows = []
    seen: set[str] = set()
    for entry in entries:
        path = build_path(collection, entry.url, stamp=entry.timestamp)
        rows.append(
            fill(
                '<tr><td><a href="{path}">{time}</a></td>{url}<td>{status}</td><td>{mime}</td>'
                '<td><code title="{digest}">{short}</code> {known}</td></tr>',
                path=path,
                time=build_time(entry.captured_at),
                url=fill('<td class="url">{url}</td>', url=entry.url) if with_url else "",
                status="" if entry.status is None else entry.status,
                mime=entry.mime,
                digest=entry.digest,
                short=entry.digest.partition(":")[2][:8].lower(),
                known=fill('<span class="dim">as before</span>') if entry.digest in seen and not with_url else "",
            )
        )
        seen.add(entry.digest)
    head = join(fill('<th scope="col">{name}</th>', name=name) for name in heads)
    return fill(
        '<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
        head=head,
        rows=join(rows, "\n"),
    )


def build_prefix_page(
    collection: str, prefix: str, entries: Iterable[IndexEntry], *, bar: Html, is_cut: bool
) -> Response:
    """The addresses that begin alike, with how often and when each was captured."""
    rows = []
    for _, group in groupby(entries, key=lambda entry: entry.urlkey):
        captures = list(group)
        last = captures[-1]
        rows.append(
            fill(
                '<tr><td class="url"><a href="{path}">{url}</a></td><td class="number">{count}</td><td>{first}</td>'
                "<td>{last}</td><td>{mime}</td></tr>",
                path=build_calendar_path(collection, last.url),
                url=last.url,
                count=f"{len(captures):,}",
                first=f"{captures[0].captured_at:%Y-%m-%d}",
                last=f"{last.captured_at:%Y-%m-%d}",
                mime=last.mime,
            )
        )
    heads = join(
        fill('<th scope="col">{name}</th>', name=name) for name in ("Address", "Captures", "First", "Last", "Type")
    )
    body = fill(
        '<h1 class="address">{prefix}*</h1><p class="lead">{count}{cut}</p>{form}'
        '<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>',
        prefix=prefix,
        count=count_words(len(rows), "address").replace("addresss", "addresses"),
        cut="; there are more, give more of the beginning" if is_cut else "",
        form=build_address_form(collection, prefix + "*"),
        heads=heads,
        rows=join(rows, "\n"),
    )
    return build_page(f"{prefix}*", body, bar=bar)


def build_machine_links(collection: str, url: str) -> Html:
    """Where programs find what a calendar shows."""
    return fill(
        '<p class="small">For programs: <a href="{link}">TimeMap</a>, <a href="{json}">as JSON</a>, '
        '<a href="/{name}/cdx?url={query}">index lines</a>.</p>',
        link=build_timemap_path(collection, url),
        json=build_timemap_path(collection, url, "json"),
        name=collection,
        query=_quote(url),
    )


def _quote(url: str) -> str:
    return url.replace("%", "%25").replace("&", "%26").replace("#", "%23").replace("+", "%2B")
