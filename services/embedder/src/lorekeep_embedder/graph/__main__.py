"""`python -m lorekeep_embedder.graph MODEL_FOLDER TARGET RECIPE`: writes a graph, or says in JSON why it cannot."""

import json
import sys
from pathlib import Path

from lorekeep_embedder.graph.files import write
from lorekeep_embedder.graph.recipe import Recipe
from lorekeep_embedder.graph.refusal import Refused

if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]), Path(sys.argv[2]), Recipe.of_json(sys.argv[3]))
    except Refused as refusal:
        sys.stdout.write(json.dumps({"reason": refusal.reason, "message": refusal.message}))
        sys.exit(1)
