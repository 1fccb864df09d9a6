"""Actions on a page before it is read: click, scroll, wait."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from crawler.rendering.browser import driver_error

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from crawler.rendering.consent import ConsentCookies
    from crawler.rendering.proxy import PageProxy
    from crawler.sources.model import Click, Render

QUIET_S: Final = 0.5
_POLL_S: Final = 0.05
# What is not there is not waited for; what is there may take its time on a busy machine.
_LOOK_MS, _CLICK_MS = 1_000, 5_000
_SETTLE_S: Final = 10.0
_SCREENSHOT_MS: Final = 5_000

# The document as a reader sees it: shadow trees in the place of their hosts, slots filled. The copy belongs to a
# document without scripts, so that nothing in it runs.
_COPY: Final = """
(most) => {
  const copy = document.implementation.createHTMLDocument('');
  let left = 400000;
  const children = node => {
    if (node.localName === 'slot' && node.getRootNode() instanceof ShadowRoot) {
      const assigned = node.assignedNodes();
      return assigned.length ? assigned : node.childNodes;
    }
    return node.shadowRoot ? node.shadowRoot.childNodes : node.childNodes;
  };
  const walk = (node, depth) => {
    if (--left < 0 || depth > 2000 || node.localName === 'noscript') return null;
    const made = copy.importNode(node, false);
    if (node.nodeType !== 1) return made;
    if (node.localName === 'template') { made.innerHTML = node.innerHTML; return made; }
    for (const child of children(node)) {
      const part = walk(child, depth + 1);
      if (part) made.append(part);
    }
    return made;
  };
  const root = walk(document.documentElement, 0);
  for (const meta of root.querySelectorAll('meta[charset]')) meta.setAttribute('charset', 'utf-8');
  for (const meta of root.querySelectorAll('meta[http-equiv="content-type" i]'))
    meta.setAttribute('content', 'text/html; charset=utf-8');
  const text = '<!DOCTYPE html>\\n' + root.outerHTML;
  return left < 0 || text.length > most ? null : text;
}
"""


class PageTooLarge(Exception):
    """A document of more nodes or characters than one page may have."""


async def perform(page: Page, proxy: PageProxy, render: Render, consent: ConsentCookies) -> list[str]:
    """Do on a page what a definition says; return what was done, in words.

    Args:
        consent: remembers the cookies that clicks set.
    """
    done = []
    await settle(proxy)
    async with consent.watch(page.context):
        for click in render.clicks:
            times = await _click(page, proxy, click)
            if times:
                done.append(f"click {click} ({times})" if times > 1 else f"click {click}")
    if render.scroll and (times := await _scroll(page, proxy, render.scroll)):
        done.append(f"scroll ({times})")
    if render.wait:
        await page.wait_for_selector(render.wait, state="attached", timeout=render.seconds * 1000)
        done.append(f"wait {render.wait}")
        await settle(proxy)
    return done


async def settle(proxy: PageProxy) -> None:
    """Wait until a page has asked for nothing for half a second; not for ever, since some never stop."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SETTLE_S
    began = loop.time()
    while loop.time() < until:
        if not proxy.waiting and loop.time() - max(began, proxy.quiet_since) >= QUIET_S:
            return
        await asyncio.sleep(_POLL_S)


async def read_document(page: Page, *, max_chars: int) -> str:
    """Return the document of a page as HTML.

    Raises:
        PageTooLarge: it is longer.
    """
    text = await page.evaluate(_COPY, max_chars)
    if not isinstance(text, str):
        raise PageTooLarge(f"the document has more than {max_chars} characters, or too many nodes")
    return text


async def take_screenshot(page: Page, *, max_bytes: int) -> bytes:
    """Return what a window shows of a page, from its top, as PNG; b'' if it takes too long or too much."""
    try:
        png = await page.screenshot(type="png", animations="disabled", timeout=_SCREENSHOT_MS)
    except driver_error():
        return b""
    return png if len(png) <= max_bytes else b""


def _find(page: Page, click: Click) -> Locator:
    if click.role:
        name = re.compile(re.escape(click.name), re.IGNORECASE) if click.name else None
        return page.get_by_role(click.role, name=name).first
    if click.text:
        return page.get_by_text(re.compile(re.escape(click.text), re.IGNORECASE)).first
    return page.locator(click.css).first


async def _click(page: Page, proxy: PageProxy, click: Click) -> int:
    """Click as often as something is there, at most as often as wanted."""
    for number in range(click.times):
        try:
            target = _find(page, click)
            await target.wait_for(state="visible", timeout=_LOOK_MS)
            await target.click(timeout=_CLICK_MS)
        except driver_error():
            return number
        await settle(proxy)
    return click.times


async def _scroll(page: Page, proxy: PageProxy, most: int) -> int:
    """Scroll to the end for as long as the page grows."""
    height = 0
    for number in range(most):
        now = await page.evaluate("() => { window.scrollTo(0, 1e9); return document.documentElement.scrollHeight }")
        if now <= height:
            return number
        height = now
        await settle(proxy)
    return most
