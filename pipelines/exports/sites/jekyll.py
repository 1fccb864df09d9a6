"""Writes a Jekyll 4 site, built by `jekyll build` in the folder.

Posts are `.html` files, so that no Markdown parser has a say in markup that is clean already. Lists, feed and sitemap
are written as plain pages, so that the time to build is Jekyll's own time for that many posts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from pipelines.exports.feeds.atom import build_atom
from pipelines.exports.feeds.entries import FeedInfo, LatestRecords
from pipelines.exports.files import replace_folder
from pipelines.exports.records import iter_sound
from pipelines.exports.sites.site import (
    FEED_POSTS,
    STYLE,
    Contents,
    SiteOptions,
    build_home,
    build_list,
    build_sitemap,
    dump_post_fields,
    open_contents,
)
from pipelines.posts.front_matter import dump_front_matter, dump_title

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_CONFIG = """# Made by scrapy export jekyll. Broken front matter stops the build, instead of losing a title.
title: {title}
url: {url}
baseurl: {base}
strict_front_matter: true
liquid:
  error_mode: strict
  strict_filters: true
future: true
timezone: Etc/UTC
markdown: kramdown
"""
_DEFAULT = """<!DOCTYPE html>
<html lang="{{ page.language | default: 'und' | escape }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ page.title | default: site.title | escape }}</title>
<link rel="alternate" type="application/atom+xml" href="{{ site.baseurl }}/feed.xml">
<link rel="stylesheet" href="{{ site.baseurl }}/style.css">
</head>
<body>
<header><a href="{{ site.baseurl }}/">{{ site.title | escape }}</a></header>
<main>
{{ content }}
</main>
</body>
</html>
"""
_POST = """---
layout: default
---
<article>
<small class="date">{{ page.shown | escape }}</small>
<h1>{{ page.title | escape }}</h1>
{{ content }}
<footer>
<ul class="tags">{% for tag in page.tags %}<li>{{ tag | escape }}</li>{% endfor %}</ul>
{% if page.original and page.original != "" %}<p><a class="original" rel="noopener nofollow" \
href="{{ page.original | escape }}">{{ page.original | escape }}</a></p>{% endif %}
<p class="sections">{% for name in page.sections %}<a href="{{ site.baseurl }}\
{{ page.section_paths[forloop.index0] | escape }}">{{ name | escape }}</a> {% endfor %}\
<a href="{{ site.baseurl }}/">⌂</a></p>
</footer>
</article>
"""
_LIST = """---
layout: default
---
<h1>{{ page.title | escape }}</h1>
{{ content }}
"""


def export_jekyll(records: Iterable[PostRecord], target: Path, site: SiteOptions) -> int:
    """Write the records as a site that Jekyll builds; return how many they are.

    Raises:
        pipelines.exports.files.ExportError: something else is at the target.
    """
    count = 0
    with replace_folder(target, "jekyll") as folder, open_contents(folder) as contents:
        latest = LatestRecords(FEED_POSTS)
        (folder / "_posts").mkdir()
        for record in iter_sound(records):
            path = contents.add(record)
            latest.add(record, site.url + quote(path))
            _write_post(folder, record, path, count, contents.list_sections(record))
            count += 1
        _write_frame(folder, site)
        _write_pages(folder, contents, site)
        info = FeedInfo(title=site.title, url=f"{site.url}/feed.xml", home=f"{site.url}/")
        (folder / "feed.xml").write_text("".join(build_atom(latest.list_entries(), info)), "utf-8")
    return count


def _write_post(folder: Path, record: PostRecord, path: str, number: int, sections: list[tuple[str, str]]) -> None:
    fields = [("layout", "post"), ("permalink", dump_title(path)), *dump_post_fields(record, sections)]
    # A number, because collections may have posts of the same file name.
    name = f"{record.datePublished:%Y-%m-%d}-{number:07d}.html"
    (folder / "_posts" / name).write_text(dump_front_matter(fields) + record.articleBody + "\n", "utf-8")


def _write_frame(folder: Path, site: SiteOptions) -> None:
    (folder / "_layouts").mkdir()
    config = _CONFIG.format(title=dump_title(site.title), url=dump_title(site.origin), base=dump_title(site.base))
    for name, text in (
        ("_config.yml", config),
        ("_layouts/default.html", _DEFAULT),
        ("_layouts/post.html", _POST),
        ("_layouts/list.html", _LIST),
        ("style.css", STYLE),
    ):
        (folder / name).write_text(text, "utf-8")


def _write_pages(folder: Path, contents: Contents, site: SiteOptions) -> None:
    _write_page(folder / "index.html", [("title", dump_title(site.title))], build_home(contents, site.base))
    (folder / "category").mkdir()
    for number, (path, name) in enumerate(contents.iter_categories()):
        fields = [("title", dump_title(name)), ("permalink", dump_title(path))]
        _write_page(folder / "category" / f"{number}.html", fields, build_list(contents.iter_category(path), site.base))
    _write_lines(folder / "sitemap.xml", build_sitemap(contents, site))


def _write_page(path: Path, fields: list[tuple[str, str]], lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(dump_front_matter([("layout", "list"), *fields]))
        file.writelines(line + "\n" for line in lines)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)
