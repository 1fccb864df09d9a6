"""A log of closed files, each entry chained to the one before and signed, which an authority may time-stamp."""
