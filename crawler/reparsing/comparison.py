"""The effect of changed rules or code: rebuilt posts compared with the existing ones.

Posts are compared field by field, by their keys, so the report says how many would appear, vanish and change, and in
which fields. A post whose fields are the same may still have another file: its footer or its categories changed.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from crawler.reparsing.ledger import find_posts_dir, has_ledger, open_ledger
from pipelines.posts.items import Post
from pipelines.posts.settle import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from archives.storage.collection import Collection
    from pipelines.posts.ledger import Ledger

FILE_NAME: Final = "file name"
FILE: Final = "file"
"""Not a field of a post: only the bytes of its file differ."""
COMPARED: Final = (*FIELDS, FILE_NAME, FILE)
SHOWN_CHARS: Final = 80
_KINDS: Final = ("appears", "vanishes", "changes", "stays")

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of one post, before and after, as text."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostChange:
    """One post that would be another.

    Attributes:
        before: None if the post would appear.
        after: None if it would vanish.
        fields: what differs, where it is there before and after.
    """

    key: _Key
    before: Post | None
    after: Post | None
    fields: tuple[FieldChange, ...] = ()

    @property
    def id(self) -> str:
        """Source and identifier."""
        return "/".join(self.key)

    @property
    def kind(self) -> str:
        """`appears`, `vanishes` or `changes`."""
        return "appears" if self.before is None else "vanishes" if self.after is None else "changes"

    @property
    def headline(self) -> str:
        """The headline, by which a person knows the post."""
        post = self.after or self.before
        return post.headline if post else ""


@dataclass(slots=True, kw_only=True)
class Comparison:
    """The posts of a collection before and after.

    Attributes:
        counts: how many posts appear, vanish, change and stay.
        fields: for each field how many posts change in it.
        changes: the first of them, up to so many for each kind and each field.
    """

    collection: str
    before: int = 0
    after: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("appears", "vanishes", "changes", "stays"), 0)
    )
    fields: dict[str, int] = field(default_factory=dict)
    changes: list[PostChange] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        """Whether nothing would change."""
        return self.counts["stays"] == self.before == self.after


def compare_collection(
    collection: Collection, remade: Ledger, remade_dir: Path, *, sources: Sequence[str], examples: int
) -> Comparison:
    """Return what a reparse into scratch files would change.

    Args:
        sources: names of those that were read again; posts of others are left out.
        examples: how many posts are kept of each kind, and of those that change in one field; 0 keeps all.
    """
    found = Comparison(collection=collection.name)
    for change in _iter_pairs(collection, remade, remade_dir, sources):
        found.before += change.before is not None
        found.after += change.after is not None
        is_same = change.before is not None and change.after is not None and not change.fields
        found.counts["stays" if is_same else change.kind] += 1
        if is_same:
            continue
        is_example = not examples or (change.kind != "changes" and found.counts[change.kind] <= examples)
        for entry in change.fields:
            found.fields[entry.field] = found.fields.get(entry.field, 0) + 1
            is_example = is_example or found.fields[entry.field] <= examples
        if is_example:
            found.changes.append(change)
    found.fields = {name: found.fields[name] for name in COMPARED if name in found.fields}
    return found


def _iter_pairs(
    collection: Collection, remade: Ledger, remade_dir: Path, sources: Sequence[str]
) -> Iterator[PostChange]:
    posts_dir = find_posts_dir(collection)
    after = _list_filed(remade, sources)
    if not has_ledger(collection):
        for key in sorted(after):
            yield PostChange(key=key, before=None, after=remade.find_post(key))
        return
    with closing(open_ledger(collection)) as current:
        before = _list_filed(current, sources)
        for key in sorted({*before, *after}):
            old = current.find_post(key) if key in before else None
            new = remade.find_post(key) if key in after else None
            fields = tuple(_iter_fields(old, new)) if old and new else ()
            if old and new:
                names = (before[key], after[key])
                fields += tuple(_iter_file(posts_dir, remade_dir, *names, has_changes=bool(fields)))
            yield PostChange(key=key, before=old, after=new, fields=fields)


def _list_filed(ledger: Ledger, sources: Sequence[str]) -> dict[_Key, str]:
    return {key: file for source in sources for key, file in ledger.iter_files(source=source)}


def _iter_fields(old: Post, new: Post) -> Iterator[FieldChange]:
    for name in FIELDS:
        before, after = dump_field(old, name), dump_field(new, name)
        if before != after:
            yield FieldChange(field=name, before=before, after=after)


def _iter_file(
    posts_dir: Path, remade_dir: Path, old_name: str, new_name: str, *, has_changes: bool
) -> Iterator[FieldChange]:
    if old_name != new_name:
        yield FieldChange(field=FILE_NAME, before=old_name, after=new_name)
    if has_changes:
        return
    old, new = posts_dir / old_name, remade_dir / new_name
    before = old.read_bytes() if old.is_file() else b""
    after = new.read_bytes() if new.is_file() else b""
    if before != after:
        yield FieldChange(field=FILE, before=before.decode("utf-8", "replace"), after=after.decode("utf-8", "replace"))


def dump_field(post: Post, name: str) -> str:
    """Return a field of a post as text that a person can compare."""
    value: Any = getattr(post, name)
    if isinstance(value, list):
        return ", ".join(value)
    if name in ("datePublished", "dateModified"):
        precision = getattr(post, f"{name}_precision")
        return f"{value.isoformat()} ({precision})" if value else ""
    return str(value)


def dump_comparison(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON holds it."""
    return {
        "collection": found.collection,
        "before": found.before,
        "after": found.after,
        "appear": found.counts["appears"],
        "vanish": found.counts["vanishes"],
        "change": found.counts["changes"],
        "stay": found.counts["stays"],
        "fields": found.fields,
        "examples": [
            {
                "kind": change.kind,
                "source": change.key[0],
                "identifier": change.key[1],
                "headline": change.headline,
                "fields": {entry.field: {"before": entry.before, "after": entry.after} for entry in change.fields},
            }
            for change in found.changes
        ],
    }


def iter_report_lines(found: Comparison) -> Iterator[str]:
    """Yield what a person reads of a comparison in a terminal."""
    counts = found.counts
    yield (
        f"{found.collection}: {found.before} posts before, {found.after} after: {counts['appears']} would appear,"
        f" {counts['vanishes']} vanish, {counts['changes']} change, {counts['stays']} stay as they are"
    )
    for kind in ("appears", "vanishes"):
        for change in found.changes:
            if change.kind == kind:
                yield f"  {kind}: {change.id} {_shorten(change.headline)}"
    for name, count in found.fields.items():
        yield f"  {name} changes in {count}"
        for change in found.changes:
            for entry in change.fields:
                if entry.field == name:
                    before, after = _point(entry.before, entry.after)
                    yield f"    {change.id}"
                    yield f"      - {before or '(nothing)'}"
                    yield f"      + {after or '(nothing)'}"


def _point(before: str, after: str) -> tuple[str, str]:
    """Return two texts cut to where they begin to differ."""
    same = next((at for at, (left, right) in enumerate(zip(before, after, strict=False)) if left != right), None)
    start = max(0, (min(len(before), len(after)) if same is None else same) - SHOWN_CHARS // 4)
    lead = "…" if start else ""
    return _shorten(lead + before[start:]), _shorten(lead + after[start:])


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
