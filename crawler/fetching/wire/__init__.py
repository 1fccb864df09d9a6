"""Our HTTP/1.1 client on asyncio."""
