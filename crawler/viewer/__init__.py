"""Shows posts beside the captures they were made from: what `scrapy serve` adds to the viewer of captures."""
