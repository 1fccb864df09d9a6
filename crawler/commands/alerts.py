"""`scrapy alerts`: send notifications for alerts that have begun or ended."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from crawler.alerts.message import build_object
from crawler.alerts.receivers import AlertsError
from crawler.alerts.sending import Sent, load_receivers, open_alert_store, try_receivers
from crawler.alerts.watch import send_and_report
from crawler.commands._collection import find_data_dir
from crawler.commands._process import end_with_reader
from crawler.projects.command import NewsreelCommand, refuse_arguments

if TYPE_CHECKING:
    import argparse

    from crawler.alerts.receivers import Receiver


class Command(NewsreelCommand):
    """Examines every source and notifies the receivers of new and ended alerts.

    Exit codes: 0 all notified, 1 a receiver could not be reached, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("--list", "--test")

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Notify the receivers in alerts.toml of alerts that have begun or ended"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--list", action="store_true", help="show current alerts and who was notified")
        parser.add_argument("--test", action="store_true", help="send each receiver a test message")
        parser.add_argument("--json", action="store_true", help="with --list: JSON Lines on standard output")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Send, list or test."""
        assert self.settings is not None
        refuse_arguments(args)
        if opts.list and opts.test:
            raise UsageError("choose one of --list and --test", print_help=False)
        find_data_dir(self.settings)
        end_with_reader()
        try:
            receivers = load_receivers(self.settings)
        except AlertsError as error:
            raise UsageError(str(error), print_help=False) from error
        if not receivers and not opts.list:
            words = f"no receivers: add an [[alert]] to {self.settings['ALERTS_FILE']}; docs/alerts.md has examples"
            raise UsageError(words, print_help=False)
        if opts.list:
            self._list(receivers, is_json=opts.json)
        elif opts.test:
            self._report(try_receivers(receivers), is_test=True)
        else:
            self._report(send_and_report(self.settings))

    def _report(self, result: Sent | None, *, is_test: bool = False) -> None:
        self.exitcode = int(result is None or bool(result.failed))
        if result is None:
            return
        for name in result.sent:
            print(f"sent to {name}")  # noqa: T201
        for name in result.waiting:
            print(f"{name}: the last message is too recent; the rest is sent later")  # noqa: T201
        for name, why in result.failed if is_test else ():
            print(f"{name} could not be reached: {why}", file=sys.stderr)  # noqa: T201
        if result == Sent():
            print("nothing new", file=sys.stderr)  # noqa: T201

    def _list(self, receivers: tuple[Receiver, ...], *, is_json: bool) -> None:
        assert self.settings is not None
        names = [receiver.channel.name for receiver in receivers]
        with open_alert_store(self.settings) as store:
            alerts = store.list_current()
            notified = {name: {alert.key for alert in store.list_notified(name)} for name in names}
            errors = {name: store.find_last_sent(name)[1] for name in names}
        for alert in alerts:
            who = [name for name, keys in notified.items() if alert.key in keys]
            if is_json:
                print(json.dumps({**build_object(alert), "notified": who}, ensure_ascii=False))  # noqa: T201
                continue
            since = f"since {alert.since.astimezone():%Y-%m-%d %H:%M}"
            words = f"sent to {', '.join(who)}" if who else "not sent yet"
            print(f"{alert.source or alert.collection}: {alert.kind}: {alert.message} ({since}; {words})")  # noqa: T201
        for name, error in errors.items():
            if error:
                print(f"{name} could not be reached: {error}", file=sys.stderr)  # noqa: T201
        if not alerts:
            print("no current alerts", file=sys.stderr)  # noqa: T201
