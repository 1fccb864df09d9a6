"""A paper whose articles exist only in scripts, and which does what pages do to browsers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.wire import Route, build_response, split_request_line

if TYPE_CHECKING:
    from collections.abc import Iterable

STORIES = 4
PER_PAGE = 2
TEXT = "The ferry crew of story {n} told the harbour office on Monday that the new timetable asks too much of them. "

FRONT = """<!doctype html><html><head><meta charset="iso-8859-1"><title>The Scripted Paper</title></head><body>
<div id=layer><p>We value your privacy</p><button>Accept all cookies</button></div><main id=list></main>
<script>
let page = 0, busy = false;
async function more() {
  if (busy) return; busy = true;
  const answer = await fetch('/api/list?page=' + (++page));
  for (const story of (await answer.json()).stories) {
    const link = document.createElement('a');
    link.href = story.url; link.textContent = story.title; link.style = 'display:block;height:1200px';
    document.getElementById('list').append(link);
  }
  busy = false;
}
document.querySelector('button').onclick = () => {
  document.cookie = 'consent=yes; path=/'; document.getElementById('layer').remove(); more();
  addEventListener('scroll', more);
};
navigator.serviceWorker.register('/sw.js').catch(() => 0);
fetch('OTHER/track').catch(() => 0);
try { new WebSocket('ws://' + location.host + '/socket') } catch (e) {}
window.open('OTHER/popup');
alert('Subscribe!');
</script></body></html>"""

SHELL = """<!doctype html><html><head><title>The Scripted Paper</title></head><body><div id=root></div>
<script src="/app.js"></script><noscript>Please turn on JavaScript</noscript></body></html>"""

APP = """
addEventListener('beforeunload', event => event.preventDefault());
customElements.define('story-text', class extends HTMLElement {
  connectedCallback() { this.attachShadow({mode: 'open'}).innerHTML = '<div class=story><slot></slot></div>'; }
});
fetch('/api' + location.pathname).then(answer => answer.json()).then(story => {
  document.title = story.title;
  document.getElementById('root').innerHTML =
    `<article><h1>${story.title}</h1><time datetime="${story.at}">${story.at}</time>
     <story-text><p>${story.text}</p><p>${story.text}</p></story-text></article>`;
});
"""

DEFINITION = """
name = "scripted"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/story/(?P<id>[0-9]+)$']
category = ['/$']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "time"
articleBody = "html:div.story"
[render]
when = "{when}"
seconds = {seconds}
scroll = 8
clicks = [{{ role = "button", name = "accept all" }}]
"""


def list_routes(other: str = "") -> dict[str, Route]:
    """The site's routes; `other` is another server's address, which its pages try to reach."""
    html, script = "text/html", "text/javascript"
    routes: dict[str, Route] = {
        "/": answer_with(FRONT.replace("OTHER", other), html),
        "/app.js": answer_with(APP, script),
        "/sw.js": answer_with("self.addEventListener('fetch', () => {});", script),
    }
    for number in range(1, STORIES + 1):
        routes[f"/story/{number}"] = answer_with(SHELL, html)
        routes[f"/api/story/{number}"] = answer_with(json.dumps(describe(number)), "application/json")
    for page in range(1, 20):
        routes[f"/api/list?page={page}"] = list_page
    return routes


def describe(number: int) -> dict[str, str]:
    title = f"Ferry crews of pier {number} ask for a slower timetable"
    return {"title": title, "at": f"2026-11-{number:02}T08:00:00Z", "text": TEXT.format(n=number) * 4}


def list_page(raw: bytes) -> bytes:
    _, target, _ = split_request_line(raw)
    page = int(parse_qs(urlsplit(target).query)["page"][0])
    numbers: Iterable[int] = range((page - 1) * PER_PAGE + 1, min(page * PER_PAGE, STORIES) + 1)
    stories = [{"url": f"/story/{n}", "title": describe(n)["title"]} for n in numbers]
    return answer_with(json.dumps({"stories": stories}), "application/json")


def answer_with(text: str, kind: str) -> bytes:
    return build_response(text.encode(), headers=[("Content-Type", f"{kind}; charset=utf-8")])
