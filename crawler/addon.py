"""The add-on for any Scrapy project: `ADDONS = {"crawler.addon.NewsreelAddon": 100}`.

The add-on wires handlers, middlewares, extension and item pipelines; what a project's own settings say wins over it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.exceptions import NotConfigured
from scrapy.settings import default_settings as scrapy_settings

from crawler import settings as our_settings

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings, Settings

_STAGES = ("AdoptPipeline", "DatesPipeline", "TagsPipeline", "BodyPipeline", "PostFilesPipeline")
_HANDLER = "crawler.fetching.capture.CaptureHandler"
_COOKIES = "scrapy.downloadermiddlewares.cookies.CookiesMiddleware"
# Spider middlewares of Scrapy that look at one request at a time, from the spider outwards; ours calls them all.
# Not RefererMiddleware: Scrapy's redirect middlewares look it up in the list.
MERGED = (
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware",
    "scrapy.spidermiddlewares.depth.DepthMiddleware",
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware",
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware",
)

_EXPORTERS = {
    "json": "pipelines.exporters.PostListExporter",
    "jsonl": "pipelines.exporters.PostLinesExporter",
    "jsonlines": "pipelines.exporters.PostLinesExporter",
    "jl": "pipelines.exporters.PostLinesExporter",
}


class NewsreelAddon:
    """Sets what the parts of the project need of one another."""

    def update_settings(self, settings: Settings) -> None:
        """Add our components to a project's settings.

        Raises:
            NotConfigured: `ARCHIVE_MODE` is none of ours.
        """
        mode = settings.get("ARCHIVE_MODE", "capture")
        modes = our_settings.choices["ARCHIVE_MODE"]
        if mode not in modes:
            raise NotConfigured(f"ARCHIVE_MODE is {mode!r}; it must be one of {', '.join(modes)}")
        _set_defaults(settings)
        settings.set("USER_AGENT", build_user_agent(settings), priority="addon")
        settings.set("STATS_CLASS", "crawler.runs.stats.RunStats", priority="addon")
        place_collection(settings, settings.get("COLLECTION") or "default", priority="addon")
        handlers: dict[str, str | None] = dict.fromkeys(("data", "file", "ftp", "s3"))
        handlers |= {"http": _HANDLER, "https": _HANDLER}
        settings["DOWNLOAD_HANDLERS"].update(handlers, priority="addon")
        if mode == "capture":
            settings.set("SCHEDULER", "crawler.frontier.scheduler.Frontier", priority="addon")
            settings["EXTENSIONS"].update({"crawler.runs.run.RunExtension": 10}, priority="addon")
        # SpiderState unpickles what it finds in JOBDIR; the frontier continues a run without it.
        extensions = {
            "crawler.fetching.pauses.HostPauses": 4,
            "crawler.fetching.budget.HeldBytes": 5,
            "scrapy.extensions.spiderstate.SpiderState": None,
        }
        settings["EXTENSIONS"].update(extensions, priority="addon")
        settings["EXTENSIONS"].update({"crawler.publishing.exporting.ExportExtension": 20}, priority="addon")
        settings["FEED_EXPORTERS"].update(_EXPORTERS, priority="addon")
        middlewares: dict[str, int | None] = {
            "crawler.fetching.middlewares.ScopeMiddleware": 60,
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "crawler.fetching.robots.RobotsMiddleware": 100,
            # In front of Scrapy's retries, which know no pause.
            "crawler.fetching.pauses.PauseMiddleware": 560,
            # Behind everything that answers or refuses a request without asking the host.
            "crawler.fetching.limits.HostMiddleware": 900,
            "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
            "crawler.fetching.limits.DecodingMiddleware": 590,
            # It unpickles its files, and its responses are not captured.
            "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,
            "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
            "crawler.fetching.middlewares.RedirectsMiddleware": 600,
            "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
            "crawler.fetching.middlewares.RefreshMiddleware": 580,
            # Behind Scrapy's decompression, so that a page read from the archive is decompressed like any other.
            "crawler.fetching.revalidation.RevalidateMiddleware": 595,
            # In front of whatever follows a redirect, which may lead to the log-in.
            "crawler.fetching.logins.LoginMiddleware": 620,
            # Behind everything that changes a response, so that what is read is what the browser shows.
            "crawler.rendering.middleware.RenderMiddleware": 540,
        }
        if not settings.getbool("COOKIES_ENABLED"):
            # Scrapy would load it to find it switched off, and with it an HTTP client and a list of public suffixes.
            settings["DOWNLOADER_MIDDLEWARES_BASE"].pop(_COOKIES, None)
        settings["DOWNLOADER_MIDDLEWARES"].update(middlewares, priority="addon")
        spider_middlewares: dict[str, int | None] = {
            "crawler.fetching.middlewares.ProvenanceMiddleware": 10,
            "crawler.spiders.output.OutputMiddleware": 950,
            **dict.fromkeys(MERGED),
        }
        settings["SPIDER_MIDDLEWARES"].update(spider_middlewares, priority="addon")
        stages = {f"pipelines.stages.{name}": 100 * (n + 1) for n, name in enumerate(_STAGES)}
        settings["ITEM_PIPELINES"].update(stages, priority="addon")


def _set_defaults(settings: Settings) -> None:
    """Give our own settings their defaults where a project says nothing; Scrapy's own are the project's business."""
    for name, value in vars(our_settings).items():
        if name.isupper() and not hasattr(scrapy_settings, name):
            settings.set(name, value, priority="default")


def place_collection(settings: BaseSettings, name: str, *, priority: str) -> None:
    """Point every setting that depends on the collection at one name."""
    data_dir = Path(settings.get("DATA_DIR") or "data")
    folder = data_dir / "collections" / name
    settings.set("COLLECTION", name, priority=priority)
    settings.set("FRONTIER_FILE", str(folder / "frontier.sqlite"), priority=priority)
    settings.set("POSTS_DIR", str(data_dir / "_posts" / name), priority=priority)
    settings.set("POSTS_LEDGER", str(folder / "indexes" / "ledger.sqlite"), priority=priority)


def build_user_agent(settings: BaseSettings) -> str:
    """Return an honest User-Agent: name, version, and where to complain."""
    contact = settings.get("CONTACT")
    version = settings.get("NEWSREEL_VERSION", "0.1.0")
    return f"Newsreel/{version} (+{contact})" if contact else f"Newsreel/{version} (news archiving crawler)"
