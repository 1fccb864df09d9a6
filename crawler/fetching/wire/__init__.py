"""Our own HTTP/1.1 client on asyncio: what goes to the socket, what comes from it, and when that is a response."""
