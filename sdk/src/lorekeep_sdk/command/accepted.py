"""What was accepted, followed to its end and shown: for the verbs that make a document or a version of one."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from lorekeep_sdk.answers import FINISHED, Accepted
from lorekeep_sdk.command import job_words
from lorekeep_sdk.command.screen import console, print_json, safe, status_text

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep


async def followed(client: "AsyncLorekeep", call: Awaitable[Accepted], wait: bool) -> Accepted:
    """The answer of the call, with its job as it ended where that is waited for."""
    answer = await call
    job = answer.get("job")
    if wait and job and job["status"] not in FINISHED:
        answer["job"] = ended = await client.jobs.wait(job["id"])
        answer["document"]["status"] = "ready" if ended["status"] == "succeeded" else "failed"
    return answer


def show(answer: Accepted, as_json: bool) -> None:
    """Prints the answer; the exit code is 1 where the job failed or was cancelled."""
    job = answer.get("job")
    if as_json:
        print_json(answer)
    else:
        console().print(_line(answer))
        error = job.get("error") if job else None
        if error:
            console().print(Text(safe(f"{error['reason']}: {error['message']}"), style="red"))
    raise typer.Exit(1 if job and job["status"] in ("failed", "cancelled") else 0)


def _line(answer: Accepted) -> Text:
    job = answer.get("job")
    line = Text(safe(answer["document"]["id"]), style="bold").append("  ")
    line.append_text(status_text(job["status"] if job else answer["document"]["status"]))
    if answer.get("unchanged"):
        line.append("  unchanged", style="not bold dim")
    if job:
        line.append(f"  {safe(job['id'])}", style="not bold dim")
        if job["status"] not in FINISHED:
            line.append(f"  {safe(job_words.now(job))}", style="not bold dim")
    return line
