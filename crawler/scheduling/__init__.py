"""When a source is crawled without anybody asking: the loop that starts crawls, and what it remembers of them."""
