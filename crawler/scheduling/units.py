"""Writes systemd units, a crontab line or a GitHub Actions workflow that runs the schedule.

All of them ask often and let the schedule's table decide what is due. So clock changes, adaptive intervals and edited
sources need no new export, and what a sleeping machine missed is caught up once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Final

from crawler.settings import NEWSREEL_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_STOP_MARGIN_S: Final = 15
_FORGE_BYTES: Final = 90_000_000
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.]+")

_SERVICE: Final = Template("""\
# Keeps the schedule running. Enable this, or newsreel-once-$name.timer; both at once do no harm.
#   cp newsreel-*-$name.* ~/.config/systemd/user/ && systemctl --user daemon-reload
#   systemctl --user enable --now newsreel-schedule-$name.service
[Unit]
Description=Newsreel: scheduled crawls of $title

[Service]
Type=exec
WorkingDirectory=$folder
ExecStart=$command
Restart=on-failure
RestartSec=10
# An invalid definition does not mend itself.
RestartPreventExitStatus=2
# The scheduler passes the signal on; what has not ended by then is killed.
KillMode=mixed
TimeoutStopSec=$stop_s

[Install]
WantedBy=default.target
""")

_ONCE_SERVICE: Final = Template("""\
# Crawls what is due, then ends. newsreel-once-$name.timer starts it.
[Unit]
Description=Newsreel: crawl what is due of $title

[Service]
Type=oneshot
WorkingDirectory=$folder
ExecStart=$command --once
KillMode=mixed
TimeoutStopSec=$stop_s
""")

_TIMER: Final = Template("""\
# Asks every five minutes what is due; sources keep their own times.
#   cp newsreel-*-$name.* ~/.config/systemd/user/ && systemctl --user daemon-reload
#   systemctl --user enable --now newsreel-once-$name.timer
[Unit]
Description=Newsreel: crawl what is due of $title, every five minutes

[Timer]
OnCalendar=*:0/5
Persistent=true
RandomizedDelaySec=20
FixedRandomDelay=true
AccuracySec=1s

[Install]
WantedBy=timers.target
""")

_CRONTAB: Final = Template("""\
# Asks every five minutes what is due; sources keep their own times. Add it to yours:
#   (crontab -l; cat newsreel-$name.crontab) | crontab -
# It needs flock(1), which comes with util-linux.
*/5 * * * * cd $folder && mkdir -p $state && flock -n $state/cron.lock $command --once >>$state/cron.log 2>&1
""")

_WORKFLOW: Final = Template("""\
# Crawls what is due and commits the results. Goes to .github/workflows/newsreel.yml of the project.
# GitHub starts schedules late or not at all when it is busy, and stops them after 60 days without a commit;
# whatever was missed is caught up by the next start.
name: newsreel
on:
  schedule:
    - cron: "7,37 * * * *"
  workflow_dispatch:
permissions:
  contents: write
concurrency:
  group: newsreel
  cancel-in-progress: false
jobs:
  crawl:
    runs-on: ubuntu-latest
    timeout-minutes: 350
    steps:
      - uses: actions/checkout@$checkout
      - uses: actions/setup-python@$setup_python
        with:
          python-version: "3.12"
      - run: python -m pip install $package
      - name: Crawl what is due
        timeout-minutes: 330
        run: |
          $command --once
      - name: Commit the data
        if: always()
        run: |
          git config user.name "github-actions[bot]"
          git config user.email "41898282+github-actions[bot]@users.noreply.github.com"
          git add --force --all -- $data ':!*.lock' ':!*.log' ':!*.log.1'
          git diff --cached --quiet && exit 0
          git commit --quiet --message "Add what was published until $$(date -u +%Y-%m-%dT%H:%MZ)"
          git pull --quiet --rebase
          git push --quiet
""")
_CHECKOUT: Final = "08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
_SETUP_PYTHON: Final = "e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """How `newsreel schedule` is started here.

    Attributes:
        folder: where; absolute.
        python: the interpreter; absolute.
        arguments: behind `newsreel schedule`.
        data_dir: relative to `folder`, or absolute.
        grace_s: seconds that a crawl gets to stop.
    """

    folder: Path
    python: str
    arguments: Sequence[str]
    data_dir: str
    grace_s: float

    @property
    def command(self) -> list[str]:
        """The words of the command."""
        return [self.python, "-m", "crawler", "schedule", *self.arguments]

    @property
    def name(self) -> str:
        """What tells its files from those of other folders on the same machine: the folder's name, and a digest."""
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:6]
        return "-".join(filter(None, (_NO_NAME.sub("-", self.folder.name).strip("-.").lower(), digest)))


def build_systemd(installation: Installation) -> dict[str, str]:
    """Return user units by file name: one that runs all the time, and a timer with what it starts.

    Spec: systemd.service(5), systemd.timer(5).
    """
    name = installation.name
    places = {
        "name": name,
        "title": _quote_unit(str(installation.folder)),
        "folder": _quote_unit(str(installation.folder)),
        "command": " ".join(_quote_word(word) for word in installation.command),
        "stop_s": str(round(installation.grace_s) + _STOP_MARGIN_S),
    }
    return {
        f"newsreel-schedule-{name}.service": _SERVICE.substitute(places),
        f"newsreel-once-{name}.service": _ONCE_SERVICE.substitute(places),
        f"newsreel-once-{name}.timer": _TIMER.substitute(places),
    }


def build_crontab(installation: Installation) -> dict[str, str]:
    """Return lines for a crontab. Spec: crontab(5)."""
    places = {
        "folder": shlex.quote(str(installation.folder)),
        "command": shlex.join(installation.command),
        "state": shlex.quote(f"{installation.data_dir}/schedule"),
        "name": installation.name,
    }
    # Cron takes a bare percent sign for the end of the line.
    escaped = {name: text.replace("%", r"\%") for name, text in places.items()}
    return {f"newsreel-{installation.name}.crontab": _CRONTAB.substitute(escaped)}


def build_workflow(installation: Installation) -> dict[str, str]:
    """Return a GitHub Actions workflow; its WARC files stay below the 100 MB that the forge takes."""
    size = f"ARCHIVE_FILE_BYTES={_FORGE_BYTES}"
    # What was given by hand comes later, and the later one counts.
    words = ["python", "-m", "scrapy", "schedule", "-s", size, *installation.arguments]
    places = {"checkout": _CHECKOUT, "setup_python": _SETUP_PYTHON}
    # Shell words inside a plain YAML scalar: a colon or a number sign could end it, a block scalar takes anything.
    places |= {"command": shlex.join(words), "data": shlex.quote(installation.data_dir)}
    is_checkout = (installation.folder / "constraints.txt").is_file()
    places["package"] = "-c constraints.txt -e ." if is_checkout else f"newsreel=={NEWSREEL_VERSION}"
    return {"newsreel.yml": _WORKFLOW.substitute(places)}


def _quote_unit(text: str) -> str:
    """Escape what systemd would expand."""
    return text.replace("\\", "\\\\").replace("%", "%%")


def _quote_word(word: str) -> str:
    escaped = _quote_unit(word).replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if set(escaped) & set(" \t\"'\\;") or not escaped else escaped
