"""`scrapy alerts`: tell whoever wants to hear what has gone wrong, and what is well again."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from crawler.alerts.message import build_object
from crawler.alerts.receivers import AlertsError
from crawler.alerts.telling import Told, load_receivers, open_standing, try_receivers
from crawler.alerts.watch import report_told
from crawler.commands._collection import find_data_dir
from crawler.commands._process import end_with_reader
from crawler.projects.command import NewsreelCommand

if TYPE_CHECKING:
    import argparse

    from crawler.alerts.receivers import Receiver


class Command(NewsreelCommand):
    """Examines every source and sends each receiver what it has not heard of yet.

    Exit codes: 0 all have heard, 1 somebody could not be reached, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Tell the receivers in alerts.toml what has gone wrong since, and what is well again"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--list", action="store_true", help="show what stands and who has heard; send nothing")
        parser.add_argument("--test", action="store_true", help="send each receiver a message that nothing is wrong")
        parser.add_argument("--json", action="store_true", help="with --list: JSON Lines on standard output")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Tell, list or try."""
        assert self.settings is not None
        if args or (opts.list and opts.test):
            raise UsageError
        find_data_dir(self.settings)
        end_with_reader()
        try:
            receivers = load_receivers(self.settings)
        except AlertsError as error:
            raise UsageError(str(error), print_help=False) from error
        if not receivers and not opts.list:
            words = f"nobody is to be told: {self.settings['ALERTS_FILE']} has no [[alert]]; docs/alerts.md shows one"
            raise UsageError(words, print_help=False)
        if opts.list:
            self._list(receivers, is_json=opts.json)
        elif opts.test:
            self._report(try_receivers(receivers), is_test=True)
        else:
            self._report(report_told(self.settings))

    def _report(self, told: Told | None, *, is_test: bool = False) -> None:
        self.exitcode = int(told is None or bool(told.failed))
        if told is None:
            return
        for name in told.sent:
            print(f"told {name}")  # noqa: T201
        for name in told.waiting:
            print(f"{name} hears more later, because it was told something a moment ago")  # noqa: T201
        for name, why in told.failed if is_test else ():
            print(f"{name} could not be reached: {why}", file=sys.stderr)  # noqa: T201
        if told == Told():
            print("nothing new", file=sys.stderr)  # noqa: T201

    def _list(self, receivers: tuple[Receiver, ...], *, is_json: bool) -> None:
        assert self.settings is not None
        names = [receiver.channel.name for receiver in receivers]
        with open_standing(self.settings) as standing:
            alerts = standing.list_standing()
            heard = {name: {alert.key for alert in standing.list_heard(name)} for name in names}
            errors = {name: standing.find_told(name)[1] for name in names}
        for alert in alerts:
            who = [name for name, keys in heard.items() if alert.key in keys]
            if is_json:
                print(json.dumps({**build_object(alert), "heard_by": who}, ensure_ascii=False))  # noqa: T201
                continue
            since = f"since {alert.since.astimezone():%Y-%m-%d %H:%M}"
            words = f"heard by {', '.join(who)}" if who else "heard by nobody yet"
            print(f"{alert.source or alert.collection}: {alert.kind}: {alert.message} ({since}; {words})")  # noqa: T201
        for name, error in errors.items():
            if error:
                print(f"{name} could not be reached the last time: {error}", file=sys.stderr)  # noqa: T201
        if not alerts:
            print("no alert stands", file=sys.stderr)  # noqa: T201
