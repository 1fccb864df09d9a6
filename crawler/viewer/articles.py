"""Pages of one article: the post and what proves it, the post beside the page it came from, its versions."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from archives.replay.lookup import build_stamp
from archives.replay.markup import Html, fill, join
from archives.replay.pages import build_bar, build_page, build_time, count_words
from archives.replay.rewriting.html import rewrite_page
from archives.replay.rewriting.links import PageLinks
from archives.replay.routes import build_calendar_path, build_path
from crawler.viewer.routes import BESIDE, SECTIONS, VERSIONS, build_post_path, build_posts_path
from crawler.viewer.versions import build_comparison
from pipelines.dates.model import Precision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archives.index.cdxj import IndexEntry
    from archives.replay.http import Response
    from crawler.viewer.proof import Check, Witness
    from crawler.viewer.versions import Edition
    from pipelines.exports.records import PostRecord

_FIELDS: Final = {
    "headline": "headline",
    "datePublished": "published",
    "dateModified": "updated",
    "articleBody": "body",
    "articleSection": "sections",
    "keywords": "tags",
    "publisher": "publisher",
    "author": "authors",
    "shareLink": "share link",
    "url": "address",
    "symbols": "symbols",
    "inLanguage": "language",
}


def build_post_page(
    record: PostRecord, witnesses: Sequence[Witness], *, file_check: Check, page: IndexEntry | None
) -> Response:
    """A post, then the chain back to its bytes."""
    body = fill(
        '<article class="post">{tabs}{head}{story}</article>{proof}',
        tabs=_build_tabs(record, page, current=""),
        head=_build_head(record),
        story=build_story(record, page),
        proof=_build_proof(record, witnesses, file_check),
    )
    return build_page(record.headline, body, bar=_build_bar(record), kind="reading")


def build_beside_page(record: PostRecord, page: IndexEntry, *, frame: str, frames: str) -> Response:
    """The post on the left, the archived page that it came from on the right."""
    body = fill(
        '<div class="pair"><article class="post">{tabs}{head}{story}</article>'
        '<section class="origin"><p class="caption">Archived page, captured {time} · '
        '<a href="{path}">open alone</a></p>'
        '<iframe class="archived" title="Archived page" src="{frame}" referrerpolicy="no-referrer" '
        'sandbox="allow-same-origin allow-top-navigation-by-user-activation"></iframe></section></div>',
        tabs=_build_tabs(record, page, current=BESIDE),
        head=_build_head(record),
        story=build_story(record, page),
        time=build_time(page.captured_at),
        path=_build_memento_path(record.collection, page),
        frame=frame,
    )
    return build_page(record.headline, body, bar=_build_bar(record), kind="beside", frames=frames)


def build_versions_page(record: PostRecord, editions: Sequence[Edition], page: IndexEntry | None) -> Response:
    """The versions of an article, the newest change first."""
    rows = join(
        fill(
            "<tr><td>{number}</td><td>{time}</td><td>{changed}</td><td>{headline}</td></tr>",
            number=edition.number,
            time=build_time(edition.captured_at),
            changed=", ".join(_FIELDS.get(name, name) for name in edition.changed) or "first seen",
            headline=edition.headline,
        )
        for edition in editions
    )
    changes = join(
        fill(
            "<h2>Version {old} to {new}, captured {time}</h2>{diff}",
            old=old.number,
            new=new.number,
            time=build_time(new.captured_at),
            diff=build_comparison(old.lines, new.lines),
        )
        for old, new in reversed(list(pairwise(editions)))
    )
    body = fill(
        '<div class="post">{tabs}<h1>{headline}</h1><p class="lead">{count}</p></div>'
        '<div class="scroll"><table><thead><tr><th scope="col">Version</th><th scope="col">Captured</th>'
        '<th scope="col">Changed</th><th scope="col">Headline</th></tr></thead><tbody>{rows}</tbody></table></div>'
        "{changes}",
        tabs=_build_tabs(record, page, current=VERSIONS),
        headline=record.headline,
        count=count_words(len(editions), "version"),
        rows=rows,
        changes=changes,
    )
    return build_page(f"Versions of {record.headline}", body, bar=_build_bar(record), kind="reading")


def build_story(record: PostRecord, page: IndexEntry | None) -> Html:
    """The body, its pictures and links in the archive."""
    at = record.capture.captured_at if record.capture else page.captured_at if page else None
    stamp = build_stamp(at) if at else "2"
    prefix = build_path(record.collection, "", stamp=stamp).removesuffix("/")
    links = PageLinks(prefix=prefix, url=record.url or (page.url if page else "http://invalid/"))
    # The body is sanitised markup; what is written anew is, besides, links that cannot leave the archive.
    story = Html(rewrite_page(record.articleBody, links))
    return fill('<div class="story" lang="{language}">{story}</div>', language=record.inLanguage, story=story)


def _build_bar(record: PostRecord) -> Html:
    crumbs = [
        (record.collection, f"/{record.collection}/"),
        (record.source, build_posts_path(collection=record.collection, source=record.source)),
    ]
    return build_bar(crumbs, SECTIONS)


def _build_tabs(record: PostRecord, page: IndexEntry | None, *, current: str) -> Html:
    names = [("Post", build_post_path(*_key(record)), "")]
    if page is not None:
        names.append(("Beside its page", build_post_path(*_key(record), page=BESIDE), BESIDE))
    names.append(("Versions", build_post_path(*_key(record), page=VERSIONS), VERSIONS))
    links = [
        fill(
            '<a href="{path}"{current}>{label}</a>',
            path=path,
            current=Html(' aria-current="page"') if which == current else "",
            label=label,
        )
        for label, path, which in names
    ]
    if page is not None:
        links.append(fill('<a href="{path}">Archived page</a>', path=_build_memento_path(record.collection, page)))
        links.append(fill('<a href="{path}">Calendar</a>', path=build_calendar_path(record.collection, page.url)))
    return fill('<nav class="tabs" aria-label="This article">{links}</nav>', links=join(links))


def _key(record: PostRecord) -> tuple[str, str, str]:
    return record.collection, record.source, record.identifier


def _build_memento_path(collection: str, entry: IndexEntry) -> str:
    return build_path(collection, entry.url, stamp=build_stamp(entry.captured_at))


def _build_head(record: PostRecord) -> Html:
    published = ""
    if record.datePublished is not None:
        form = "%-d %B %Y" if record.datePublished_precision is Precision.DAY else "%-d %B %Y, %H:%M"
        zone = "" if record.datePublished_precision is Precision.DAY else f" {record.datePublished:%z}"
        published = record.datePublished.strftime(form) + zone
    labels = [
        *_build_labels(record, "category", record.articleSection),
        *_build_labels(record, "tag", record.keywords),
        *_build_labels(record, "symbol", record.symbols),
    ]
    return fill(
        '<h1 lang="{language}">{headline}</h1><p class="meta">{published}{authors}{address}</p>'
        '<p class="chips">{labels}</p>',
        language=record.inLanguage,
        headline=record.headline,
        published=published,
        authors=f" · {', '.join(record.author)}" if record.author else "",
        address=fill(' · <span class="address">{url}</span>', url=record.url) if record.url else "",
        labels=join(labels, " "),
    )


def _build_labels(record: PostRecord, kind: str, names: Sequence[str]) -> list[Html]:
    return [
        fill(
            '<a class="chip {kind}" href="{path}">{name}</a>',
            kind=kind,
            path=build_posts_path(collection=record.collection, **{kind: name}),
            name=name,
        )
        for name in names
    ]


def _build_proof(record: PostRecord, witnesses: Sequence[Witness], file_check: Check) -> Html:
    is_whole = bool(witnesses) and all(witness.holds for witness in witnesses) and file_check.holds is True
    verdict = "Verified just now" if is_whole else "Not everything could be verified"
    return fill(
        '<section class="proof" aria-label="Provenance"><h2>Provenance <span class="badge {kind}">{verdict}</span></h2>'
        '<p class="small">Each record was read again from its WARC file and its digests were computed while this page '
        "was made. That the captures make this very post, spiders and all, is what "
        "<code>scrapy verify {collection} --posts</code> proves.</p>"
        '<ul class="witnesses">{witnesses}<li>{file}</li></ul></section>',
        kind="good" if is_whole else "bad",
        verdict=verdict,
        collection=record.collection,
        witnesses=join(_build_witness(record.collection, witness) for witness in witnesses),
        file=build_check(file_check),
    )


def _build_witness(collection: str, witness: Witness) -> Html:
    fields = join(
        (
            fill(
                '<span class="field"><b>{name}</b>{place}</span>',
                name=_FIELDS.get(name, name),
                place=fill(" <i>{place}</i>", place=place) if place else "",
            )
            for name, place in sorted(witness.fields)
        ),
        " ",
    )
    entry = witness.entry
    if entry is None:
        return fill(
            '<li><span class="check bad">✗</span> record <code>{id}</code> is not in the index; '
            "<code>python -m archives index</code> lists it again<p>{fields}</p></li>",
            id=witness.record_id,
            fields=fields,
        )
    return fill(
        '<li><a href="{path}">{url}</a><p class="small">{origin}, captured {time}</p><p class="fields">{fields}</p>'
        "<dl><dt>file</dt><dd><code>{file}</code> at offset <code>{offset}</code>, {length} compressed</dd>"
        "<dt>record</dt><dd><code>{id}</code></dd></dl><p>{checks}</p></li>",
        path=_build_memento_path(collection, entry),
        url=entry.url,
        origin=witness.origin.value,
        time=build_time(entry.captured_at),
        fields=fields,
        file=entry.filename,
        offset=f"{entry.offset:,}",
        length=count_words(entry.length, "byte"),
        id=entry.record_id,
        checks=join(map(build_check, witness.checks), " "),
    )


def build_check(check: Check) -> Html:
    """One check: its mark says how it went, its title what was compared."""
    kind, mark = {True: ("good", "✓"), False: ("bad", "✗"), None: ("open", "–")}[check.holds]
    return fill(
        '<span class="check {kind}" title="{detail}">{mark} {what}</span>',
        kind=kind,
        mark=mark,
        what=check.what,
        detail=check.detail,
    )
