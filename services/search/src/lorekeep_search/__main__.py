"""`python -m lorekeep_search`: serves the index."""

from lorekeep_chassis import process
from lorekeep_search.serving import serve
from lorekeep_search.settings import SearchSettings

if __name__ == "__main__":
    process.run("search", "0.1.0", SearchSettings, serve)
