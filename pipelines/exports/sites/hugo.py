"""Writes a Hugo site, built by running `hugo` in the folder.

The same pages at the same paths as the Jekyll site's. Content files are HTML, which Hugo takes as it is but for
shortcodes, and no text that came from outside holds a brace.
"""

from __future__ import annotations

import json
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

_KINDS = ["taxonomy", "term", "RSS", "sitemap", "robotsTXT", "404", "section"]
_BASE = """<!DOCTYPE html>
<html lang="{{ with .Params.language }}{{ . }}{{ else }}und{{ end }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ .Title }}</title>
<link rel="alternate" type="application/atom+xml" href="{{ "feed.xml" | relURL }}">
<link rel="stylesheet" href="{{ "style.css" | relURL }}">
</head>
<body>
<header><a href="{{ "" | relURL }}">{{ site.Title }}</a></header>
<main>
{{ block "main" . }}<h1>{{ .Title }}</h1>
{{ .Content }}{{ end }}
</main>
</body>
</html>
"""
_POST = """{{ define "main" }}<article>
<small class="date">{{ .Params.shown }}</small>
<h1>{{ .Title }}</h1>
{{ .Content }}
<footer>
<ul class="tags">{{ with .Params.tags }}{{ range cond (reflect.IsSlice .) . (slice .) }}<li>{{ . }}</li>{{ end }}\
{{ end }}</ul>
{{ with .Params.original }}<p><a class="original" rel="noopener nofollow" href="{{ . }}">{{ . }}</a></p>{{ end }}
<p class="sections">{{ $paths := .Params.section_paths }}{{ range $i, $name := .Params.sections }}\
<a href="{{ strings.TrimPrefix "/" (index $paths $i) | relURL }}">{{ $name }}</a> {{ end }}\
<a href="{{ "" | relURL }}">⌂</a></p>
</footer>
</article>{{ end }}
"""
_PAGE = """{{ define "main" }}<h1>{{ .Title }}</h1>
{{ .Content }}{{ end }}
"""


def export_hugo(records: Iterable[PostRecord], target: Path, site: SiteOptions) -> int:
    """Write the records as a site that Hugo builds; return how many they are.

    Raises:
        pipelines.exports.files.ExportError: something else is at the target.
    """
    count = 0
    with replace_folder(target, "hugo") as folder, open_contents(folder) as contents:
        latest = LatestRecords(FEED_POSTS)
        _write_frame(folder, site)
        for record in iter_sound(records):
            path = contents.add(record)
            latest.add(record, site.url + quote(path))
            fields = [
                ("layout", "post"),
                ("url", dump_title(path)),
                *dump_post_fields(record, contents.list_sections(record)),
            ]
            content = folder / "content" / "posts" / f"{count:07d}.html"
            content.write_text(dump_front_matter(fields) + record.articleBody + "\n", "utf-8")
            count += 1
        _write_pages(folder, contents, site)
        info = FeedInfo(title=site.title, url=f"{site.url}/feed.xml", home=f"{site.url}/")
        (folder / "static" / "feed.xml").write_text("".join(build_atom(latest.list_entries(), info)), "utf-8")
    return count


def _write_frame(folder: Path, site: SiteOptions) -> None:
    config = {
        "title": site.title,
        "baseURL": site.url + "/",
        "disableKinds": _KINDS,
        "buildFuture": True,
        "disablePathToLower": True,
        "uglyURLs": True,
        "enableEmoji": False,
        "enableGitInfo": False,
        # Hugo 0.162 and later takes HTML for content only where it is admitted; ours has been sanitised.
        "security": {"allowContent": ["^text/html$", "^text/markdown$"]},
    }
    for path in ("content/posts", "content/category", "layouts/_default", "static"):
        (folder / path).mkdir(parents=True)
    for name, text in (
        ("config.json", json.dumps(config, ensure_ascii=False, indent=2) + "\n"),
        ("layouts/_default/baseof.html", _BASE),
        ("layouts/_default/post.html", _POST),
        ("layouts/_default/list.html", _PAGE),
        ("layouts/_default/single.html", _PAGE),
        ("layouts/index.html", _PAGE),
        ("static/style.css", STYLE),
    ):
        (folder / name).write_text(text, "utf-8")


def _write_pages(folder: Path, contents: Contents, site: SiteOptions) -> None:
    home = dump_front_matter([("layout", "home"), ("title", dump_title(site.title))])
    _write_lines(folder / "content" / "_index.html", [home.rstrip("\n"), *build_home(contents, site.base)])
    for number, (path, name) in enumerate(contents.iter_categories()):
        head = dump_front_matter([("layout", "single"), ("title", dump_title(name)), ("url", dump_title(path))])
        lines = [head.rstrip("\n"), *build_list(contents.iter_category(path), site.base)]
        _write_lines(folder / "content" / "category" / f"{number}.html", lines)
    _write_lines(folder / "static" / "sitemap.xml", build_sitemap(contents, site))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)
