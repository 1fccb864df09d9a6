"""Moving captures between places: importing WARC files, uploading closed ones, sharing them between machines."""
