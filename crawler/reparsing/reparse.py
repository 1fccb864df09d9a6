"""Rebuilds posts from the archive in a loop over the index, without network, reactor or spider.

Every capture that the source's rules recognise is read once by the function that a crawl reads it by. What it states is
added to a ledger; since a ledger is a set, the order in which captures are read does not matter.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archives.erasure.register import load_register
from archives.errors import ArchiveError, MessageError
from archives.index.catalogue import CollectionIndex
from crawler.reparsing.documents import RedirectLost, read_document
from pipelines.page.document import ends_html
from pipelines.page.limits import OutOfTime, PageRefused, limit_time
from pipelines.posts.normalise import normalise_all
from pipelines.posts.post_folder import PostFolder
from pipelines.posts.settle import PostRefused
from pipelines.reading.read import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from archives.index.cdxj import IndexEntry
    from crawler.reparsing.contents import CollectionContents
    from crawler.sources import Source
    from pipelines.posts.items import Statement
    from pipelines.posts.ledger import Ledger
    from pipelines.posts.options import PostOptions
    from pipelines.reading.read import Reading
    from pipelines.rules.model import Rules

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 32 * 1024 * 1024
# A net for a rule that never ends, such as a regular expression that backtracks.
PAGE_SECONDS: Final = 20.0
# So many captures are added to the ledger in one transaction.
_ADDED_AT_ONCE: Final = 500


@dataclass(slots=True)
class Reparsed:
    """What a reparse did.

    Attributes:
        read: captures that were read.
        damaged: captures that could not be read.
        failed: captures on which a reader of the source's own failed.
        counts: outcomes by name, as a crawl counts them: `posts/new`, `dates/refused/no_date`, `bounds/page_tags`.
    """

    read: int = 0
    damaged: int = 0
    failed: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_whole(self) -> bool:
        """Whether every capture could be read."""
        return not self.damaged and not self.failed

    def add(self, other: Reparsed) -> None:
        """Count what another part of the archive gave as well."""
        self.read += other.read
        self.damaged += other.damaged
        self.failed += other.failed
        self.counts += other.counts


class CaptureReader:
    """Reads captures of one collection by the rules of a source, one after the other.

    Args:
        max_bytes: of a body whose content coding is undone.
        with_links: also list where each page leads.
    """

    def __init__(
        self, index: CollectionIndex, done: Reparsed, *, max_bytes: int = MAX_BYTES, with_links: bool = False
    ) -> None:
        self._index = index
        self._done = done
        self._max_bytes = max_bytes
        self._with_links = with_links

    def read(self, entry: IndexEntry, rules: Rules) -> Reading | None:
        """Return what a capture states, or None if it cannot be read, which is counted and logged."""
        done = self._done
        try:
            reading = self._read(entry, rules)
        except (RedirectLost, MessageError) as error:  # the crawl did not read it either
            done.counts[f"reparse/{'not_archived' if isinstance(error, RedirectLost) else 'not_readable'}"] += 1
            logger.info("%s is not read: %s", entry.url, error)
            return None
        except ArchiveError as error:
            done.damaged += 1
            done.counts["reparse/damaged"] += 1
            logger.warning("A damaged capture cannot be read again: %s", error)
            return None
        except OutOfTime as error:
            # Not a refusal that every machine agrees on, so it must not pass for one.
            done.failed += 1
            done.counts["bounds/page_seconds"] += 1
            logger.warning("%s is not read: %s", entry.url, error)
            return None
        except PageRefused as refusal:
            done.counts[f"bounds/{refusal.reason}"] += 1
            logger.warning("%s is not read: %s", entry.url, refusal)
            return None
        except Exception:  # a reader of the source's own may raise anything; the other captures are still to be read
            done.failed += 1
            logger.exception("%s could not be read", entry.url)
            return None
        if reading is not None:
            done.read += 1
            done.counts.update(reading.notes)
        return reading

    def _read(self, entry: IndexEntry, rules: Rules) -> Reading | None:
        document = read_document(self._index, entry, max_bytes=self._max_bytes)
        if entry.truncated and not ends_html(document.body):
            return None  # the crawl did not read it either
        with limit_time(PAGE_SECONDS):
            return read(document, rules, with_links=self._with_links)


def iter_statements(
    contents: CollectionContents,
    sources: Sequence[Source],
    done: Reparsed,
    *,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Statement]:
    """Yield everything that the captures of some sources state, normalised."""
    with CollectionIndex(contents.collection) as index:
        reader = CaptureReader(index, done)
        erased = load_register(contents.collection)
        for entry, source in contents.iter_entries(sources):
            advance()
            reading = reader.read(entry, source)
            for statement in reading.statements if reading else ():
                if erased.has_article(*statement.key):
                    done.counts["erased/statements"] += 1
                    continue
                try:
                    normalise_all(statement, source.post)
                except Exception:  # a normaliser of the source's own may raise anything; what others state still counts
                    done.failed += 1
                    logger.exception("What %s states of %s could not be normalised", entry.url, statement.identifier)
                    continue
                for name, reason in statement.refused.items():
                    done.counts[f"{'bodies' if name == 'articleBody' else 'dates'}/refused/{reason}"] += 1
                yield statement


def gather(
    contents: CollectionContents,
    sources: Sequence[Source],
    ledger: Ledger,
    *,
    advance: Callable[[], None] = lambda: None,
) -> Reparsed:
    """Add everything that the captures of some sources state to a ledger."""
    done = Reparsed()
    with _add_together(ledger) as add:
        for statement in iter_statements(contents, sources, done, advance=advance):
            add(statement)
    return done


@contextmanager
def _add_together(ledger: Ledger) -> Iterator[Callable[[Statement], None]]:
    """Give what adds a statement, many of them in one transaction."""
    waiting: list[Statement] = []

    def flush() -> None:
        with ledger.exclusive():
            for statement in waiting:
                ledger.add(statement)
        waiting.clear()

    def add(statement: Statement) -> None:
        waiting.append(statement)
        if len(waiting) >= _ADDED_AT_ONCE:
            flush()

    yield add
    flush()


def write_posts(ledger: Ledger, posts_dir: Path, options_for: Callable[[str], PostOptions], done: Reparsed) -> None:
    """Settle every article of a ledger whose post is behind, and write its file where it differs.

    Raises:
        OSError: the folder cannot be written.
    """
    for filed in PostFolder(posts_dir, ledger, options_for).write_due():
        if not isinstance(filed, PostRefused):
            done.counts[f"posts/{filed.outcome}"] += 1
        elif filed.is_expected:
            done.counts[f"posts/{filed.reason}"] += 1
        else:
            done.counts[f"posts/dropped/{filed.reason}"] += 1
            logger.warning("No post file: %s", filed)
