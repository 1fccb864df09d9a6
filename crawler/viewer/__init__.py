"""The viewer of `scrapy serve`: posts next to the captures they were made from."""
