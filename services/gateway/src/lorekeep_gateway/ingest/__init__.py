"""The ingest role: claims jobs and takes each document version from bytes to visible chunks."""
