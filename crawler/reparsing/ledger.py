"""The ledger of a collection: where it is, and opening it whichever version of Newsreel wrote it."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from archives.errors import CollectionError
from archives.storage.databases import find_writable
from crawler.environment import name_program
from pipelines.posts.ledger import Ledger, LedgerOutdated

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archives.storage.collection import Collection
    from crawler.sources import Source

_NAME = "ledger.sqlite"


def find_ledger(collection: Collection) -> Path:
    """Return the path of a collection's ledger, which may not be there yet."""
    return collection.indexes_dir / _NAME


def find_posts_dir(collection: Collection) -> Path:
    """Return the folder of a collection's post files."""
    return collection.path.parent.parent / "_posts" / collection.name


def has_ledger(collection: Collection) -> bool:
    """Return whether a collection has a ledger; a file without a byte, as a full disk may leave it, is none."""
    path = find_ledger(collection)
    return path.is_file() and path.stat().st_size > 0


def open_ledger(collection: Collection) -> Ledger:
    """Open a collection's ledger; one that an earlier version wrote is rebuilt from the archive first.

    In a folder that cannot be written, such as a snapshot, a copy is opened, and what is changed in it is lost.

    Raises:
        CollectionError: a later version wrote it, or it cannot be rebuilt.
    """
    path = find_ledger(collection)
    try:
        return open_ledger_file(path)
    except LedgerOutdated as outdated:
        if outdated.is_newer:
            raise CollectionError(str(outdated), path=path) from outdated
    from crawler.reparsing.rebuilding import rebuild_ledger  # noqa: PLC0415 (it loads all that reads pages)

    rebuild_ledger(collection, path, find_posts_dir(collection))
    return Ledger(path)


def describe_remedy(name: str) -> str:
    """Return what makes the ledger of a collection again, in words."""
    return f"run '{name_program()} reparse {name}', which makes it from the archive"


def open_ledger_file(path: Path) -> Ledger:
    """Open a ledger's file, or a copy of it if its folder cannot be written.

    Raises:
        CollectionError: it is empty although something has been captured.
        LedgerOutdated: another version wrote the file.
    """
    if path.exists() and not path.stat().st_size and any(path.parent.glob("*.cdxj")):
        raise CollectionError(f"{path} is empty; {describe_remedy(path.parent.parent.name)}", path=path)
    with find_writable(path) as found:
        return Ledger(found, is_scratch=found != path)  # an open file outlives its name


def refresh_ledger(collection: Collection) -> None:
    """Make a collection's ledger again where an earlier version wrote it; do nothing if there is none.

    Raises:
        CollectionError: a later version wrote it, or it cannot be rebuilt.
    """
    if find_ledger(collection).exists():
        open_ledger(collection).close()


def prepare_ledger(collection: Collection, scratch: Path, sources: Iterable[Source]) -> set[str]:
    """Begin a reparse's ledger with what it does not touch: the posts of other sources, and their claims to names.

    Returns:
        The post files of the sources that are about to be read again.
    """
    if not has_ledger(collection):
        return set()
    with closing(open_ledger(collection)) as current:
        current.copy_to(scratch)
    with closing(Ledger(scratch)) as ledger:
        files = ledger.list_files()
        kept = list(ledger.iter_unarchived())
        for source in sources:
            ledger.forget(source.name)
        for statement in kept:
            ledger.add(statement)
        return files - ledger.list_files()


def adopt_ledger(remade: Path, collection: Collection, posts_dir: Path, old_files: set[str]) -> None:
    """Put a reparse's ledger in the collection's place; remove the post files that stand for no post any more."""
    with closing(Ledger(remade)) as ledger:
        for name in old_files - ledger.list_files():
            with suppress(FileNotFoundError):
                (posts_dir / name).unlink()
        ledger.copy_to(find_ledger(collection))
