"""What archived bytes mean: the item, the normalisers that settle each of its fields, and the files made of it.

Everything here is pure except where a module says that it touches the disk. Only the stages and the exporters know
Scrapy; nothing here knows the archive or the crawler, so a post can be made again from text alone.
"""
