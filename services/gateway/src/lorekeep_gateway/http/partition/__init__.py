"""The partition route of the unstructured API, answered by our own parser: documents in, element JSON out."""
