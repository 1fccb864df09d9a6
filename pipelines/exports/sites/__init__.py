"""Static sites for Jekyll and Hugo."""
