"""The folder of post files, kept in step with the ledger.

Which post gets which name is a function of the set of posts: of those that would have the same name (two on a file
system that folds case count as one), the one with the smallest key has it, the others carry a hash of theirs. So a
crawl and a reparse arrive at the same tree in whatever order they write.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from pipelines.posts.filing import Claim, Outcome
from pipelines.posts.items import load_post
from pipelines.posts.ledger import Ledger
from pipelines.posts.post_files import PostFiles, build_file_name, render, share_file_name, unshare_file_name
from pipelines.posts.settle import PostRefused, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pipelines.posts.items import Post
    from pipelines.posts.options import PostOptions

# Files written per batch when nothing waits for them.
WRITTEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A post as it was written.

    Attributes:
        outcome: what the run has done to the file by now.
        before: what it had done before this call; None if it had not looked at the post yet.
    """

    post: Post
    path: Path
    outcome: Outcome
    before: Outcome | None


class PostFolder:
    """Writes the files of one collection's posts.

    Args:
        options_for: gives a source's options by its name.
    """

    def __init__(self, folder: Path, ledger: Ledger, options_for: Callable[[str], PostOptions]) -> None:
        self.folder = folder
        self._ledger = ledger
        self._options_for = options_for
        self._files = PostFiles()

    def write(self, keys: Iterable[tuple[str, str]]) -> list[Filed | PostRefused]:
        """Settle some articles, and write together those files that differ from what is there.

        Where the statements of an article make no post, that is remembered as well.

        Raises:
            OSError: the folder cannot be written; all of them are still due.
        """
        done: list[Filed | PostRefused] = []
        # Other processes may have learnt more of an article meanwhile, and must not have their file overwritten.
        with self._ledger.exclusive(), self._together():
            for key in keys:
                try:
                    done.append(self._put(key))
                except PostRefused as refusal:
                    done.append(refusal)
        return done

    def write_due(self) -> Iterator[Filed | PostRefused]:
        """Write the files of all articles that are behind, also of those that wait for something; many at a time.

        Raises:
            OSError: the folder cannot be written.
        """
        due = self._ledger.iter_due(also_waiting=True)
        while keys := list(islice(due, WRITTEN_AT_ONCE)):
            yield from self.write(keys)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Have all files on disk and in their places that are put in the block; where it fails, none that is not yet.

        Raises:
            OSError: the folder cannot be written.
        """
        try:
            yield
            self._files.settle()
        finally:
            self._files.drop()

    def _put(self, key: tuple[str, str]) -> Filed:
        options = self._options_for(key[0])
        filing = self._ledger.find_filing(key)
        post = load_post(filing.state) if filing and filing.is_settled else self._settle(key, options)
        earlier = filing.claim if filing else None
        name = build_file_name(post, options)
        claim = name.casefold()
        rivals = [rival for rival in self._ledger.list_claims(claim) if rival.key != key]
        is_shared = any(rival.key < key for rival in rivals)
        name = share_file_name(name, key) if is_shared else name
        if not is_shared:
            for rival in rivals:
                self._move(rival, is_shared=True)
        path = self.folder / name
        outcome = self._files.write(path, render(post, options))
        own = Claim(key=key, claim=claim, file=name)
        if earlier and earlier != own:
            self._ledger.record_name(own)
        if earlier and earlier.file != name:
            self._give_up(earlier, claim)
        before = Outcome(filing.outcome) if filing and filing.outcome else None
        if outcome is Outcome.NEW and earlier:
            outcome = Outcome.UPDATED
        if before is Outcome.NEW or (before and outcome is Outcome.UNCHANGED):
            outcome = before
        self._ledger.record_filed(post, outcome, before=filing, claim=None if earlier else own)
        return Filed(post=post, path=path, outcome=outcome, before=before)

    def _settle(self, key: tuple[str, str], options: PostOptions) -> Post:
        try:
            statements = self._ledger.list_statements(key)
            if not statements:
                raise PostRefused("no_text", f"{key[0]}/{key[1]}: no capture says anything of it")
            return settle(statements, options)
        except PostRefused:
            self._ledger.record_refusal(key)
            raise

    def _give_up(self, earlier: Claim, claim: str) -> None:
        """Remove a file whose post has moved, and let the next rightful post have its name."""
        self._files.settle()
        holders = self._ledger.list_claims(earlier.claim)
        if all(holder.file != earlier.file for holder in holders):
            with suppress(FileNotFoundError):
                (self.folder / earlier.file).unlink()
        if holders and earlier.claim != claim:
            self._move(holders[0], is_shared=False)

    def _move(self, holder: Claim, *, is_shared: bool) -> None:
        # Only the name is at stake: what the post says by now, and whether it still makes one, is seen when it is due.
        name = share_file_name(holder.file, holder.key) if is_shared else unshare_file_name(holder.file, holder.key)
        if name == holder.file:
            return
        self._files.settle()
        with suppress(FileNotFoundError):
            (self.folder / holder.file).replace(self.folder / name)
        self._ledger.record_name(Claim(key=holder.key, claim=holder.claim, file=name))
