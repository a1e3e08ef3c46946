"""Bytes to elements and chunks: the parser service.

Two halves that share only `frames` and the protos: the gRPC process (`service`, `servicer`, `intake`, `children`),
which imports no document library, and the child of each document (`fork_server`, `reading`, `readers`, `assembler`,
`chunker`), which is forked, limited and thrown away.
"""

VERSION = "0.1.0"
