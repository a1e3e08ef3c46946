"""A mail with an archive in it goes in as one file: all that it leads to is found, and goes with it."""

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.suite import Suite, eventually

pytestmark = pytest.mark.e2e


def _mail() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("plans/harbour.md", "# Harbour\n\nThe new pier is built of larch.")
        archive.writestr("broken.pdf", "%PDF-1.4 nothing behind it")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ada@example.org", "bob@example.org", "Minutes of May"
    message.set_content("The council met in the old chapel.")
    message.add_attachment(packed.getvalue(), maintype="application", subtype="zip", filename="papers.zip")
    return message.as_bytes()


def test_what_a_mail_holds_is_found_and_goes_with_it(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "minutes.eml").write_bytes(_mail())
    with suite.client() as client:
        client.post("/api/v1/collections", json={"name": "letters"})
        home = "/api/v1/collections/letters"
        with (tmp_path / "minutes.eml").open("rb") as file:
            sent = client.post(f"{home}/documents", files={"file": file}, data={"document_id": "minutes"})
        assert sent.status_code == 202, sent.text

        def ended() -> dict[str, Any] | None:
            found = {each["id"]: each for each in client.get(f"{home}/documents").json()["documents"]}
            done = all(each["status"] in ("ready", "failed") for each in found.values())
            return found if done and len(found) == 4 else None

        found = eventually(ended)
        assert {name: (each["status"], each["parent"]) for name, each in found.items()} == {
            "minutes": ("ready", None),
            "minutes/papers.zip": ("ready", "minutes"),
            "minutes/papers.zip/plans/harbour.md": ("ready", "minutes/papers.zip"),
            "minutes/papers.zip/broken.pdf": ("failed", "minutes/papers.zip"),
        }
        assert found["minutes/papers.zip/broken.pdf"]["error"]["reason"] == "corrupt"
        hits = client.post(f"{home}/search", json={"query": "What is the pier built of?"}).json()["hits"]
        assert hits[0]["document_id"] == "minutes/papers.zip/plans/harbour.md"
        removed = client.delete(f"{home}/documents/minutes").json()
        assert removed["removed"]["documents"] == 4
        assert client.get(f"{home}/documents").json()["documents"] == []
