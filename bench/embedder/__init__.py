"""`make bench-embedder`: the embedder beside other servers, under load, and against the processor's limit."""
