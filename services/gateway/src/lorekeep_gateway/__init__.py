"""The public HTTP gateway and the ingest role; the only owner of Postgres and of the blobs."""
