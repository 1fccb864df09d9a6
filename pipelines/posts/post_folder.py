"""The shelf: the folder of post files, kept in step with the ledger.

Which post gets which name is a function of the set of posts: of those that would have the same name (two on a file
system that folds case count as one), the one with the smallest key has it, the others carry a hash of theirs. So a
crawl and a reparse arrive at the same tree in whatever order they write.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pipelines.posts.ledger import Claim, Ledger
from pipelines.posts.post_files import PostFiles, build_file_name, finish, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipelines.posts.items import Post
    from pipelines.posts.options import PostOptions


class Outcome(StrEnum):
    """What a run did to a post's file; what it does to the same file later in the run is part of that."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """A post as it was written.

    Attributes:
        outcome: what the run has done to the file by now.
        before: what it had done before this call; None where it had not looked at the post yet.
    """

    post: Post
    path: Path
    outcome: Outcome
    before: Outcome | None


class Shelf:
    """Writes the files of one collection's posts."""

    def __init__(self, folder: Path, ledger: Ledger, options_for: Callable[[str], PostOptions]) -> None:
        self.folder = folder
        self._ledger = ledger
        self._options_for = options_for
        self._files = PostFiles()

    def shelve(self, state: Post) -> Shelved:
        """Write the file of a joined post where it differs from what lies there.

        Raises:
            pipelines.posts.post_files.PostRefused: the post cannot become a file.
            OSError: the folder cannot be written.
        """
        with self.together():
            return self.put(state)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Have all files on disk and in their places that are `put` in the block; where it fails, none that is not yet.

        Raises:
            OSError: the folder cannot be written.
        """
        try:
            yield
            self._files.settle()
        finally:
            self._files.drop()

    def put(self, state: Post) -> Shelved:
        """Do what `shelve` does, inside of `together`, at the end of which the file is in its place.

        Raises:
            pipelines.posts.post_files.PostRefused: the post cannot become a file.
            OSError: the folder cannot be written.
        """
        options = self._options_for(state.source)
        post = finish(state, options)
        earlier = self._ledger.find_claim(post.key)
        claim = build_file_name(post, options).casefold()
        rivals = [rival for rival in self._ledger.list_claims(claim) if rival.key != post.key]
        is_shared = any(rival.key < post.key for rival in rivals)
        name = build_file_name(post, options, is_shared=is_shared)
        if not is_shared:
            for rival in rivals:
                self._move(rival, is_shared=True)
        was_there = (self.folder / name).exists()
        is_written = self._files.write(self.folder / name, render(post, options))
        self._ledger.record_name(Claim(key=post.key, claim=claim, file=name))
        if earlier and earlier.file != name:
            self._give_up(earlier, claim)
        known = self._ledger.find_outcome(post.key)
        before = Outcome(known) if known else None
        outcome = Outcome.UPDATED if was_there or earlier else Outcome.NEW
        outcome = outcome if is_written else Outcome.UNCHANGED
        if before is Outcome.NEW or (before and outcome is Outcome.UNCHANGED):
            outcome = before
        self._ledger.record_done(post.key, outcome)
        return Shelved(post=post, path=self.folder / name, outcome=outcome, before=before)

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
        state = self._ledger.find_post(holder.key)
        assert state is not None
        options = self._options_for(state.source)
        name = build_file_name(finish(state, options), options, is_shared=is_shared)
        if name == holder.file:
            return
        self._files.settle()
        with suppress(FileNotFoundError):
            (self.folder / holder.file).replace(self.folder / name)
        self._ledger.record_name(Claim(key=holder.key, claim=holder.claim, file=name))
