"""`lorekeep jobs`: list, get, watch, cancel, retry, retry-dead; `lorekeep queues` and `lorekeep workers`."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Job
from lorekeep_sdk.command import job_words
from lorekeep_sdk.command.screen import console, error_console, plain_table, print_json, safe, status_text
from lorekeep_sdk.command.session import AsJson, Key, Url, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

app = typer.Typer(no_args_is_help=True, help="List jobs, look at them, watch, cancel and retry them.")

JobId = Annotated[str, typer.Argument(help="Job, by its id.", show_default=False)]
_LATER = "The job goes on."


def _choice(what: str) -> Any:
    return typer.Option(help=what, show_default=False)


@app.command("list")
def list_all(
    status: Annotated[str, _choice("queued, running, succeeded, failed or cancelled.")] = "",
    dead: Annotated[bool | None, typer.Option("--dead/--not-dead", help="Whether attempts are used up.")] = None,
    queue: Annotated[str, _choice("document_processing, reindex or maintenance.")] = "",
    lane: Annotated[str, _choice("interactive or bulk.")] = "",
    kind: Annotated[str, _choice("ingest, restore or rebuild.")] = "",
    stage: Annotated[str, _choice("fetch, parse, chunk, embed, index or flip.")] = "",
    collection: Annotated[str, _choice("Only of this collection, by name or id.")] = "",
    document: Annotated[str, _choice("Only of this document of --collection, by its id.")] = "",
    older_than_seconds: Annotated[int | None, _choice("Only those made so long ago.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most jobs.")] = 50,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """List jobs, newest first."""
    chosen = {"status": status, "queue": queue, "lane": lane, "kind": kind, "stage": stage, "collection": collection}
    texts = {name: value or None for name, value in {**chosen, "document": document}.items()}

    async def work(client: "AsyncLorekeep") -> list[Job]:
        found: list[Job] = []
        async for each in client.jobs.list(
            **texts, dead=dead, older_than_seconds=older_than_seconds, page_size=min(limit, 100)
        ):
            found.append(each)
            if len(found) == limit:
                break
        return found

    found = run(url, key, work)
    if as_json:
        print_json({"jobs": found})
    elif not found:
        console().print("No such jobs.")
    else:
        console().print(_table(found))


@app.command("get")
def get(job_id: JobId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show how far a job is, and what its runs came to."""
    _show(run(url, key, lambda client: client.jobs.get(job_id)), as_json)


@app.command("watch")
def watch(
    job_id: JobId,
    timeout: Annotated[float | None, typer.Option(help="Seconds to watch at most.", show_default=False)] = None,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Watch a job until it has ended.

    Exit codes: 0 it succeeded, 1 it failed, was cancelled or is still under way after --timeout, 2 wrong use or no
    service found, 130 interrupted (the job goes on).
    """

    async def work(client: "AsyncLorekeep") -> Job:
        with _watching(error_console().is_terminal and not as_json) as progress:
            bar = progress.add_task("", total=None, now="asking")

            def seen(job: Job) -> None:
                done, total = job_words.share(job)
                progress.tasks[0].total = total  # `update` ignores a total of None
                progress.update(bar, completed=done, now=job_words.now(job))

            return await client.jobs.wait(job_id, timeout_seconds=timeout, on_change=seen)

    ended = run(url, key, work, interrupted=_LATER)
    _show(ended, as_json)
    raise typer.Exit(0 if ended["status"] == "succeeded" else 1)


@app.command("cancel")
def cancel(job_id: JobId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Ask a job to stop."""
    _show(run(url, key, lambda client: client.jobs.cancel(job_id)), as_json)


@app.command("retry")
def retry(job_id: JobId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Queue a failed, dead or cancelled job again."""
    _show(run(url, key, lambda client: client.jobs.retry(job_id)), as_json)


@app.command("retry-dead")
def retry_dead(
    collection: Annotated[str, _choice("Only of this collection, by name or id.")] = "",
    reason: Annotated[str, _choice("Only those that died of this reason.")] = "",
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Most jobs.", show_default=False)] = None,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Queue the jobs again whose attempts are used up."""
    answer = run(
        url,
        key,
        lambda client: client.jobs.retry_all(collection=collection or None, reason=reason or None, limit=limit),
    )
    if as_json:
        print_json(answer)
    else:
        left = f"; {answer['left']} more are left, run it again" if answer["left"] else ""
        jobs = "1 dead job" if answer["retried"] == 1 else f"{answer['retried'] or 'No'} dead jobs"
        console().print(f"{jobs} queued again{left}.")


def queues(as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show what waits, runs and is dead in each queue."""
    found = run(url, key, lambda client: client.jobs.queues())
    if as_json:
        print_json({"queues": found})
        return
    table = plain_table("queue", numbers=("queued", "running", "dead", "oldest"))
    for each in found:
        oldest = each.get("oldest_seconds")
        dead = Text(str(each["dead"]), style="red" if each["dead"] else "dim")
        waits = job_words.seconds(oldest) if oldest and each["queued"] else "-"
        table.add_row(Text(safe(each["name"])), str(each["queued"]), str(each["running"]), dead, waits)
    console().print(table)


def workers(as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show the ingest workers. It takes a key with the scope admin."""
    found = run(url, key, lambda client: client.jobs.workers())
    if as_json:
        print_json({"workers": found})
    elif not found:
        console().print("No workers have been seen. `make status` says whether the ingest role runs.")
    else:
        table = plain_table("worker", "version", numbers=("running", "started", "seen"))
        for each in found:
            most = each.get("concurrency")
            running = f"{each.get('running') or 0}{f' of {most}' if most else ''}"
            state = Text(" draining", style="yellow") if each.get("draining") else Text()
            ages = (job_words.ago(each.get(name)) for name in ("started_at", "seen_at"))
            table.add_row(
                Text(safe(_cell(each.get("name")))).append(state),
                Text(safe(_cell(each.get("version")))),
                running,
                *ages,
            )
        console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "-"
    return "-" if value is None else str(value)


def _watching(shown: bool) -> Progress:
    return Progress(
        BarColumn(bar_width=28, complete_style="cyan", finished_style="green"),
        TextColumn("{task.fields[now]}", markup=False),
        TimeElapsedColumn(),
        console=error_console(),
        transient=True,
        disable=not shown,
    )


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
    runs = job.get("runs") or []
    if len(runs) > 1 or any(each.get("error") for each in runs):
        console().print(_runs(runs))


def _details(job: Job) -> list[str]:
    progress = job.get("progress") or {}
    total = progress.get("pages_total")
    estimate = job.get("estimate")
    return [
        said
        for said, known in (
            (f"stage {job.get('stage')}", job.get("stage")),
            (f"attempt {job.get('attempt')}", job.get("attempt")),
            (f"{progress.get('pages_done') or 0}/{total} pages", total),
            (f"{progress.get('chunks_indexed')} chunks", progress.get("chunks_indexed")),
            (f"about {job_words.seconds(estimate['seconds_left'])} left" if estimate else "", estimate),
            ("attempts used up", job.get("dead")),
        )
        if known
    ]


def _runs(runs: list[Any]) -> Table:
    table = plain_table("run", "worker", "stage", "outcome", "what it says")
    for each in islice(runs, 50):
        error = each.get("error") or {}
        said = ": ".join(filter(None, (error.get("reason"), error.get("message"))))
        cells = (each.get("number"), each.get("worker"), each.get("stage"), each.get("outcome") or "under way")
        table.add_row(*(Text(safe(_cell(cell))) for cell in cells), Text(safe(said), style="red"))
    return table


def _table(found: list[Job]) -> Table:
    table = plain_table("job", "document", "status", "how far", numbers=("created",))
    table.columns[0].no_wrap = True  # an id that is broken cannot be copied
    for each in found:
        error = each.get("error")
        far = error["reason"] if error else job_words.far(each)
        dead = " (dead)" if each.get("dead") else ""
        cells = Text(safe(each["id"])), Text(safe(each.get("document_id") or "-")), status_text(each["status"])
        created = job_words.ago(each.get("created_at"))
        table.add_row(*cells, Text(safe(far + dead), style="red" if error else "dim"), created)
    return table
