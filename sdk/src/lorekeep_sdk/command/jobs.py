"""`lorekeep jobs`: get, cancel."""

from typing import Annotated

import typer
from rich.text import Text

from lorekeep_sdk.answers import Job
from lorekeep_sdk.command.screen import console, print_json, safe, status_text
from lorekeep_sdk.command.session import AsJson, Key, Url, run

app = typer.Typer(no_args_is_help=True, help="Look at a job, or cancel it.")

JobId = Annotated[str, typer.Argument(help="Job, by its id.", show_default=False)]


@app.command("get")
def get(job_id: JobId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show how far a job is."""
    _show(run(url, key, lambda client: client.jobs.get(job_id)), as_json)


@app.command("cancel")
def cancel(job_id: JobId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Ask a job to stop."""
    _show(run(url, key, lambda client: client.jobs.cancel(job_id)), as_json)


def _show(job: Job, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    line = Text(safe(job["id"]), style="bold").append("  ").append_text(status_text(job["status"]))
    for said in _details(job):
        line.append(f"  {safe(said)}", style="not bold dim")
    console().print(line)
    error = job.get("error")
    if error:
        console().print(Text(safe(f"{error['reason']}: {error['message']}"), style="red"))


def _details(job: Job) -> list[str]:
    progress = job.get("progress") or {}
    total = progress.get("pages_total")
    return [
        said
        for said, known in (
            (f"stage {job.get('stage')}", job.get("stage")),
            (f"attempt {job.get('attempt')}", job.get("attempt")),
            (f"{progress.get('pages_done') or 0}/{total} pages", total),
            (f"{progress.get('chunks_indexed')} chunks", progress.get("chunks_indexed")),
            ("attempts used up", job.get("dead")),
        )
        if known
    ]
