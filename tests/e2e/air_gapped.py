"""A program of its own, run in a network namespace of its own: starts the suite, lets it read a document, asks it.

`unshare --net python -m tests.e2e.air_gapped HOME` prints what it saw as JSON.
"""

import json
import sys
from pathlib import Path

from tests.cut_off import network, raise_loopback
from tests.e2e.suite import Suite, eventually, running

_COLLECTION = "/api/v1/collections/cut-off"


def _answered(suite: Suite) -> dict[str, object]:
    with suite.client() as client:
        client.post("/api/v1/collections", json={"name": "cut-off"}).raise_for_status()
        for title, text in (("keys", "The spare keys hang behind the boiler."), ("tea", "Tea is in the blue tin.")):
            document = {"title": title, "text": text, "document_id": title}
            client.post(f"{_COLLECTION}/documents", json=document).raise_for_status()
        statuses = eventually(lambda: _ended(client.get(f"{_COLLECTION}/documents").json()["documents"]))
        query = {"query": "Where can I find what opens the door?", "mode": "dense"}
        hits = client.post(f"{_COLLECTION}/search", json=query).json()["hits"]
    return {"statuses": statuses, "found": hits[0]["document_id"]}


def _ended(documents: list[dict[str, str]]) -> list[str]:
    """Statuses of all documents, once none is on its way."""
    statuses = [each["status"] for each in documents]
    return statuses if not {"pending", "processing"} & set(statuses) else []


def main() -> None:
    """Cuts itself off, then starts and asks."""
    raise_loopback()
    told: dict[str, object] = {"network": network()}
    with running(Path(sys.argv[1])) as suite:
        print(json.dumps({**told, **_answered(suite)}))


if __name__ == "__main__":
    main()
