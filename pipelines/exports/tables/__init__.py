"""Tables: JSON Lines, CSV, SQLite, Parquet and dataset folders."""
