self.addEventListener("fetch", event => event.respondWith(new Response("OWNED")));
fetch("http://LIVE/worker");
