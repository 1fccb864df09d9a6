"""`python -m crawler COMMAND` is `newsreel COMMAND`."""

from __future__ import annotations

from crawler.projects.main import main

if __name__ == "__main__":
    main()
