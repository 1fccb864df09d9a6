"""The search index of posts: one SQLite file per collection, `indexes/viewer.sqlite`.

It is derived from the ledger: it may be deleted at any time and is rebuilt on the next use. The ledger records
which posts there are; this only finds them quickly.
"""

from __future__ import annotations

import difflib
import json
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from archives.erasure.exclusions import load_exclusions
from archives.errors import ArchiveError
from archives.storage.databases import open_database
from crawler.reparsing.ledger import find_ledger
from crawler.viewer.search.excerpts import build_excerpt, mark
from crawler.viewer.search.following import Follower, Progress, find_state
from crawler.viewer.search.language import Field, Query
from crawler.viewer.search.lookup import (
    RANK,
    Counts,
    Found,
    Place,
    Wanted,
    build_match,
    build_select,
    write_query,
)
from crawler.viewer.search.rows import KINDS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crawler.publishing.library import Library
    from crawler.viewer.search.language import Term
    from crawler.viewer.search.words import Phrase

logger = logging.getLogger(__name__)

FILE_NAME: Final = "viewer.sqlite"
REFRESH_S: Final = 2.0
# A page waits so long for an index that is not whole yet, and for what has come since the last page.
_FIRST_WAIT_S: Final = 10.0
_WAIT_S: Final = 0.005
_TOP: Final = 200
# Of a larger result the labels and days are not counted: that would take longer than the search.
COUNTED: Final = 10_000
# A larger result is not ranked by how often its posts hold the words, nor are words that more posts hold counted.
RANKED: Final = 5_000
_CACHED: Final = 64
_NEAR: Final = 4000
# How many posts there are, without looking at them: each has one source.
_ALL: Final = "SELECT coalesce(sum(posts), 0) FROM labels WHERE kind = 'source'"
_AT_ONCE: Final = 200
_COLUMNS: Final = "source, identifier, published, shown, day, headline, language, text, sections"


class PostIndex:
    """The search index of one collection.

    Its own thread takes in what the ledger says; pages read what is there.
    """

    def __init__(self, library: Library, collection: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.collection = collection
        self._library = library
        self._clock = clock
        self._lock = threading.RLock()
        self._looked_at = float("-inf")
        self._ledger = find_ledger(library.open_collection(collection))
        path = library.open_collection(collection).indexes_dir / FILE_NAME
        self._database = open_database(path, SCHEMA, across_threads=True)
        self._database.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, search, row)")
        self._follower = Follower(library, collection, self._database, self._lock)
        self._counts: OrderedDict[Wanted, Counts] = OrderedDict()
        self._seen = ""
        self._starting = threading.Lock()
        self._fault: Exception | None = None
        self._closing = threading.Event()
        self._worker: threading.Thread | None = None
        self._is_done = threading.Event()
        self.missing = 0

    def close(self) -> None:
        """Stop taking in posts, and close the file."""
        self._closing.set()
        worker = self._worker
        if worker is not None:
            worker.join()
        with self._lock:
            self._database.close()

    def count(self, wanted: Wanted) -> int:
        """Return how many posts match; of a search, or of several conditions, at most `COUNTED` + 1."""
        if wanted.is_everything:
            return int(self._ask(_ALL)[0][0])
        select, values = build_select(wanted, wanted.parse())
        if not wanted.has_one_condition:
            select = f"{select} LIMIT {COUNTED + 1}"
        return int(self._ask(f"SELECT count(*) FROM ({select})", values)[0][0])  # noqa: S608 (our own words)

    def list_places(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[Place]:
        """Return where the posts stand that match, the newest or the best first."""
        query = wanted.parse()
        if wanted.by_relevance and query.phrases:
            return self._list_ranked(wanted, limit, offset)
        select, values = build_select(wanted, query)
        rows = self._ask(
            f"SELECT id, published FROM ({select} ORDER BY 1 DESC LIMIT ? OFFSET ?)"  # noqa: S608 (our own words)
            " CROSS JOIN posts USING (id) ORDER BY id DESC",
            (*values, limit, offset),
        )
        return [Place(collection=self.collection, number=row[0], instant=row[1], rank=0.0) for row in rows]

    def _list_ranked(self, wanted: Wanted, limit: int, offset: int) -> list[Place]:
        """Return where the best posts stand; of very many, the newest ones with the words in the headline.

        BM25 reads every post that holds a word, so words of very many posts are left out of it; they say little.
        """
        query = wanted.parse()
        selective = replace(query, groups=tuple(group for group in query.groups if self._is_selective(group)))
        if self.count_labels(wanted).total > RANKED or not build_match(selective):
            inner, values = build_select(wanted, query)
            # Headlines older than the newest posts are not looked through.
            titles = "SELECT rowid FROM search WHERE search MATCH ? AND rowid >= (SELECT min(id) FROM newest)"
            newest = f"WITH newest AS MATERIALIZED ({inner} ORDER BY 1 DESC LIMIT {COUNTED})"
            select = f"{newest} SELECT id, -1.0 * (id IN ({titles})) AS rank FROM newest"  # noqa: S608
            values = (*values, build_match(query, in_title=True))
        else:
            inner, values = build_select(wanted, query)
            select = f"SELECT rowid AS id, {RANK} AS rank FROM search WHERE search MATCH ? AND +rowid IN ({inner})"  # noqa: S608
            values = (build_match(selective), *values)
        rows = self._ask(
            f"SELECT id, published, rank FROM ({select} ORDER BY rank, id DESC LIMIT ? OFFSET ?)"  # noqa: S608
            " CROSS JOIN posts USING (id) ORDER BY rank, id DESC",
            (*values, limit, offset),
        )
        return [Place(collection=self.collection, number=row[0], instant=row[1], rank=row[2]) for row in rows]

    def _is_selective(self, group: tuple[Term, ...]) -> bool:
        """Whether few enough posts meet one of some terms for BM25."""
        if not any(term.phrase and not term.is_negated for term in group):
            return False
        match = build_match(Query(groups=(group,)))
        query = "SELECT count(*) FROM (SELECT rowid FROM search WHERE search MATCH ? LIMIT ?)"
        return bool(match) and self._ask(query, (match, RANKED + 1))[0][0] <= RANKED

    def find_progress(self) -> Progress:
        """Return how far the index has come."""
        return self._follower.find_progress()

    def list_matching(self, wanted: Wanted, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those of some posts that match, in their order; each is named by source and identifier."""
        select, values = build_select(wanted, wanted.parse())
        matching: set[tuple[str, str]] = set()
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            slots = ", ".join(["(?, ?)"] * len(part))
            named = f"(source, identifier) IN (VALUES {slots})"
            query = f"SELECT source, identifier FROM posts WHERE {named} AND id IN ({select})"  # noqa: S608
            matching.update(self._ask(query, (*(text for key in part for text in key), *values)))
        return [key for key in keys if key in matching]

    def list_posts(self, numbers: Sequence[int], phrases: Sequence[Phrase] = ()) -> list[Found]:
        """Return the posts at some places, as a list shows them.

        Args:
            phrases: to be marked.
        """
        slots = ", ".join("?" * len(numbers))
        query = f"SELECT id, {_COLUMNS} FROM posts JOIN texts USING (id) WHERE id IN ({slots})"  # noqa: S608 (our own words)
        found = {row[0]: self._build_found(row[1:], phrases) for row in self._ask(query, tuple(numbers))}
        return [found[number] for number in numbers if number in found]

    def count_labels(self, wanted: Wanted) -> Counts:
        """Return how many posts of a result have each label and are of each day; of each kind the most frequent."""
        self._look()
        with self._lock:
            found = self._counts.get(wanted)
            if found is None:
                found = self._counts[wanted] = self._count_labels(wanted)
                if len(self._counts) > _CACHED:
                    self._counts.popitem(last=False)
            return found

    def _count_labels(self, wanted: Wanted) -> Counts:
        run = self._database.execute
        if wanted.is_everything:
            return Counts(
                total=run(_ALL).fetchone()[0],
                labels=self._list_frequent(),
                days=dict(run("SELECT day, posts FROM days ORDER BY day")),
            )
        labels: dict[str, dict[str, int]] = {}
        select, values = build_select(wanted, wanted.parse())
        run("CREATE TEMP TABLE IF NOT EXISTS result (id INTEGER PRIMARY KEY)")
        run("DELETE FROM temp.result")
        total = run(f"INSERT INTO temp.result {select} LIMIT ?", (*values, COUNTED + 1)).rowcount
        if total > COUNTED:
            frequent = self._list_frequent()
            if wanted.has_one_condition:
                return Counts(total=self.count(wanted), labels=frequent, is_cut=True)
            return Counts(total=COUNTED, is_more=True, labels=frequent, is_cut=True)
        counted = run(
            "SELECT kind, name, number FROM (SELECT label, count(*) AS number FROM temp.result"
            " CROSS JOIN labelled ON labelled.post = result.id GROUP BY label) JOIN labels ON labels.id = label"
        )
        for kind, name, number in counted:
            labels.setdefault(kind, {})[name] = number
        days = run("SELECT day, count(*) FROM temp.result CROSS JOIN posts USING (id) WHERE day <> '' GROUP BY 1")
        return Counts(total=total, labels=labels, days=dict(days))

    def _list_frequent(self) -> dict[str, dict[str, int]]:
        """Return the labels that most posts have, of each kind."""
        query = "SELECT name, posts FROM labels WHERE kind = ? ORDER BY posts DESC LIMIT ?"
        return {kind: dict(self._database.execute(query, (kind, _TOP))) for kind in KINDS}

    def suggest(self, wanted: Wanted) -> list[Wanted]:
        """Return searches with words of the index that are spelt nearly alike, for words that no post holds."""
        query = wanted.parse()
        instead = {}
        for group in query.groups:
            for term in group:
                if term.phrase is None or term.is_negated or len(term.phrase.words) != 1:
                    continue
                near = self._find_near(term.phrase)
                if near:
                    before, after = "title:" if term.field is Field.TITLE else "", "*" if term.phrase.is_prefix else ""
                    instead[term.written] = before + near + after
        if not instead:
            return []
        changed = replace(wanted, words=write_query(query.groups, instead=instead))
        return [changed] if self.count(changed) else []

    def _find_near(self, phrase: Phrase) -> str:
        """Return the word of the index that is spelt most like one that is not in it; empty if there is none."""
        (word,) = phrase.words
        if len(word) < 4:
            return ""
        if self._ask("SELECT 1 FROM temp.vocabulary WHERE term = ?", (word,)):
            return ""
        # Counting the posts of all words with one letter takes 0.1 s at a million posts.
        terms = [
            term
            for start in {word[:2], word[0] + word[2]}
            for (term,) in self._ask(
                "SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ?"
                " ORDER BY doc DESC LIMIT ?",
                (start, start + "\U0010ffff", len(word) - 2, len(word) + 2, _NEAR),
            )
        ]
        return next(iter(difflib.get_close_matches(word, terms, n=1, cutoff=0.75)), "")

    def find_neighbours(self, key: tuple[str, str]) -> tuple[Found | None, Found | None]:
        """Return the posts that were published just before and just after one."""
        own = "(SELECT id FROM posts WHERE source = ? AND identifier = ?)"
        query = f"SELECT {_COLUMNS} FROM posts JOIN texts USING (id) WHERE id {{}} {own} ORDER BY id {{}} LIMIT 1"  # noqa: S608
        before = self._ask(query.format("<", "DESC"), key)
        after = self._ask(query.format(">", "ASC"), key)
        earlier, later = (self._build_found(rows[0], ()) if rows else None for rows in (before, after))
        return earlier, later

    def list_made_of(self, record_id: str, url: str, *, limit: int) -> list[tuple[str, str]]:
        """Return source and identifier of the posts made from a capture, or whose page has its address."""
        return self._ask(
            "SELECT source, identifier FROM posts WHERE url = ? OR id IN "
            "(SELECT post FROM witnesses WHERE record_id = ?) ORDER BY id LIMIT ?",
            (url, record_id, limit),
        )

    def _build_found(self, row: tuple[Any, ...], phrases: Sequence[Phrase]) -> Found:
        source, identifier, instant, shown, day, headline, language, text, sections = row
        return Found(
            collection=self.collection,
            source=source,
            identifier=identifier,
            instant=instant,
            published=shown,
            day=day,
            headline=headline,
            language=language,
            title=mark(headline, phrases, language),
            excerpt=build_excerpt(text, phrases, language),
            sections=tuple(json.loads(sections)),
        )

    def _ask(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        self._look()
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def _look(self) -> None:
        """Have what the ledger says by now taken in, and wait for it a little."""
        now = self._clock()
        if now - self._looked_at < REFRESH_S:
            self._raise_fault()
            return
        self._looked_at = now
        state = find_state(self._ledger)
        if exclusions := load_exclusions(self._library.data_dir):
            state += f", without {exclusions.fingerprint}"
        if state == self._seen and not self.missing:
            return
        with self._starting:
            if self._worker is None or not self._worker.is_alive():
                self._is_done.clear()
                self._worker = threading.Thread(target=self._follow, args=(state,), name="post index", daemon=True)
                self._worker.start()
        # Changes from before the viewer started are waited for; later ones are not.
        self._is_done.wait(_WAIT_S if self._seen else _FIRST_WAIT_S)
        self._raise_fault()

    def _raise_fault(self) -> None:
        fault = self._fault  # read once: the index's own thread may clear it
        if fault:
            raise fault.with_traceback(None)

    def _follow(self, state: str) -> None:
        """Take in batch after batch until nothing is left: what the index's own thread does."""
        self._fault = None
        try:
            store = self._library.open_store(self.collection)
            while not self._closing.is_set():
                self.missing = self._follower.take_batch(store)
                with self._lock:
                    self._counts.clear()
                if not self.missing:
                    self._seen = state
                    break
        except Exception as error:  # requests report it until the next look  # noqa: BLE001
            if not isinstance(error, ArchiveError):
                logger.warning("The search index of %s is not up to date: %s", self.collection, error)
            self._fault = error
        finally:
            self._is_done.set()
