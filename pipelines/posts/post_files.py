"""The post file: its name, its bytes, and writing it atomically.

A post file is a function of the post and of the source's options, to the byte.
"""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipelines.names.slugs import build_file_stem
from pipelines.posts.filing import Outcome
from pipelines.posts.front_matter import dump_date, dump_front_matter, dump_names, dump_title
from pipelines.posts.items import Post
from pipelines.whole_files import Temporary, make_file, sweep

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelines.posts.options import PostOptions

_SYNCED_AT_ONCE = 4
_FIELD = re.compile(r"\{(\w+)\}")
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>{}|#])")
_URL_SAFE = "!$&'*+,;=:@/?%~#"


def build_file_name(post: Post, options: PostOptions, *, is_shared: bool = False) -> str:
    """Return `<day>-<id or headline>.md`, the day being the source's.

    Args:
        is_shared: another post has the same name and keeps it, so this one is distinguished by a hash of its key.
    """
    assert post.datePublished is not None
    day = post.datePublished.astimezone(options.zone).date()
    stem = build_file_stem(post.headline if "/" in post.identifier else post.identifier)
    name = f"{day:%Y-%m-%d}-{stem}.md"
    return share_file_name(name, post.key) if is_shared else name


def share_file_name(name: str, key: tuple[str, str]) -> str:
    """Return the name of a post's file where another post has the name that both would have alone."""
    ending = _build_shared_ending(key)
    return name if name.endswith(ending) else name.removesuffix(".md") + ending


def unshare_file_name(name: str, key: tuple[str, str]) -> str:
    """Return the name that a post's file has where no other post has it."""
    ending = _build_shared_ending(key)
    return name.removesuffix(ending) + ".md" if name.endswith(ending) else name


def _build_shared_ending(key: tuple[str, str]) -> str:
    return f"-{hashlib.sha256(chr(0).join(key).encode()).hexdigest()[:8]}.md"


def render(post: Post, options: PostOptions) -> bytes:
    """Return the bytes of the post file of a finished post."""
    assert post.datePublished is not None
    assert post.datePublished_precision is not None
    categories = [options.build_category(name) for name in post.articleSection]
    fields = [
        ("layout", "post"),
        ("title", dump_title(post.headline)),
        ("date", dump_date(post.datePublished.astimezone(options.zone), post.datePublished_precision)),
        ("categories", dump_names(categories)),
        ("tags", dump_names(post.keywords)),
    ]
    if options.has_symbols and post.symbols:
        fields.append(("symbols", dump_names(post.symbols)))
    front_matter = dump_front_matter(fields)
    footer = render_footer(
        options.footer,
        {
            "url": _dump_url(post.url),
            "shareLink": _dump_url(post.shareLink),
            "tag": _dump_link_text(post.keywords[0]) if post.keywords else "",
            "category": quote(categories[0], safe="") if categories else "",
        },
    )
    text = front_matter + post.articleBody + (f"\n\n{footer}" if footer else "")
    return text.encode("utf-8", "replace")


def render_footer(template: str, values: dict[str, str]) -> str:
    """Fill a footer's fields; a paragraph that names an empty field is left out."""
    paragraphs = [
        _FIELD.sub(lambda match: values.get(match[1], match[0]), paragraph)
        for paragraph in template.strip("\n").split("\n\n")
        if all(values.get(name, "?") for name in _FIELD.findall(paragraph))
    ]
    return "\n\n".join(paragraphs)


def _dump_url(url: str) -> str:
    return quote(url, safe=_URL_SAFE) if url.startswith(("http://", "https://", "//")) else ""


def _dump_link_text(text: str) -> str:
    return _MARKDOWN_SPECIAL.sub(lambda match: f"&#{ord(match[1])};", text)


class PostFiles:
    """Post files on their way to the disk, each written whole or not at all.

    A file is beside its place, open and locked, until `settle` has put its bytes on disk. Many are put there at once,
    by threads that wait for the disk together: one file waits for milliseconds, a hundred of them not much longer.

    Args:
        swept: folders that have just been swept.
    """

    def __init__(self, *, swept: Iterable[Path] = ()) -> None:
        self._waiting: list[tuple[Temporary, Path]] = []
        self._swept = set(swept)
        self._pool = ThreadPoolExecutor(_SYNCED_AT_ONCE)

    def write(self, path: Path, data: bytes) -> Outcome:
        """Write a file that has its place after `settle`; one that already holds these bytes is left alone."""
        before = _read(path)
        if before == data:
            return Outcome.UNCHANGED
        temporary = self._make_file(path.parent)
        self._waiting.append((temporary, path))
        os.fchmod(temporary.descriptor, 0o644)
        _write(temporary.descriptor, data)
        return Outcome.NEW if before is None else Outcome.UPDATED

    def _make_file(self, folder: Path) -> Temporary:
        if folder not in self._swept:
            sweep(folder)
            self._swept.add(folder)
        try:
            return make_file(folder)
        except FileNotFoundError:  # new, or deleted while we run
            folder.mkdir(parents=True, exist_ok=True)
            return make_file(folder)

    def settle(self) -> None:
        """Put on disk what has been written, then in its place.

        Raises:
            OSError: the disk refused.
        """
        descriptors = [temporary.descriptor for temporary, _ in self._waiting]
        if len(descriptors) <= 1:
            _sync(descriptors)
        else:
            list(self._pool.map(_sync, (descriptors[first::_SYNCED_AT_ONCE] for first in range(_SYNCED_AT_ONCE))))
        while self._waiting:
            temporary, path = self._waiting[0]
            temporary.path.replace(path)
            del self._waiting[0]
            os.close(temporary.descriptor)

    def drop(self) -> None:
        """Give up what has been written and is not in its place."""
        waiting, self._waiting = self._waiting, []
        for temporary, _ in waiting:
            temporary.discard()


def _read(path: Path) -> bytes | None:
    """Return the bytes of a file, or None if it is not there."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.readall()
    except FileNotFoundError:
        return None


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.fsync(descriptor)
