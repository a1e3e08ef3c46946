"""`python -m lorekeep_search.engine DIRECTORY SOCKET_FD PARENT_PID`: started by `engine_link`, never by hand."""

import sys
from pathlib import Path

from lorekeep_search.engine.loop import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
