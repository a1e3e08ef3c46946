-- Jobs as the public side sees, cancels and retries them; the queue itself is the ingest role's.

-- name: jobs_shown
-- Newest first, of collections that the key may see; documents that are being deleted have none. A null filter holds
-- for every job. `run_seconds` and `progress_before` are those of the run under way. What the key may see is asked in
-- subqueries and not by joins, so that a page is read along its index and no more of the jobs than that.
select j.id, j.status, j.kind, j.queue, j.lane, j.stage, j.attempt, j.dead, j.progress, j.checkpoint, j.parsed,
       j.stage_seconds, j.warnings, j.error, v.verdict, v.chunk_count, j.worker, j.collection_id, d.public_id, v.number,
       j.cancel_requested, j.created_at, j.started_at, j.finished_at, j.revision,
       case when j.status = 'queued' and j.run_after > now() then j.run_after end as next_attempt_at,
       extract(epoch from j.run_after - now())::float8 as pause_seconds,
       extract(epoch from now() - r.started_at)::float8 as run_seconds, r.progress_before
from (
    select * from jobs
    where organisation_id = :organisation_id
      and (select c.workspace_id = :workspace_id and c.status = 'active' from collections c
           where c.organisation_id = jobs.organisation_id and c.id = jobs.collection_id)
      and (select d.status <> 'deleting' from documents d
           where d.organisation_id = jobs.organisation_id and d.id = jobs.document_id)
      and (:allowed::text[] is null or collection_id = any(:allowed::text[]))
      and (:ids::text[] is null or id = any(:ids::text[]))
      and (:status::text is null or status = :status)
      and (:dead::boolean is null or dead = :dead)
      and (:queue::text is null or queue = :queue)
      and (:lane::text is null or lane = :lane)
      and (:kind::text is null or kind = :kind)
      and (:stage::text is null or stage = :stage)
      and (:collection_id::text is null or collection_id = :collection_id)
      and (:document_id::text is null or document_id = :document_id)
      and (:older_than_seconds::float8 is null or created_at < now() - make_interval(secs => :older_than_seconds))
      and (:before::timestamptz is null or (created_at, id) < (:before::timestamptz, :before_id::text))
    order by created_at desc, id desc
    limit :limit
) j
join documents d on d.organisation_id = j.organisation_id and d.id = j.document_id
join versions v on v.organisation_id = j.organisation_id and v.id = j.version_id
left join job_runs r on r.job_id = j.id and r.number = j.run_count and r.ended_at is null and j.status = 'running'
order by j.created_at desc, j.id desc;

-- name: job_runs_shown
-- The last runs of a job, newest first.
select number, worker, started_at, ended_at, outcome, stage, error
from job_runs
where organisation_id = :organisation_id and job_id = :job_id
order by number desc
limit :limit;

-- name: job_revisions
-- What there is of the jobs that somebody follows: one row for each that can still be seen.
select j.id, j.revision
from unnest(:organisation_ids::text[], :ids::text[]) as followed (organisation_id, id)
join jobs j on j.organisation_id = followed.organisation_id and j.id = followed.id
join documents d on d.organisation_id = j.organisation_id and d.id = j.document_id and d.status <> 'deleting'
join collections c on c.organisation_id = j.organisation_id and c.id = j.collection_id and c.status = 'active';

-- name: job_pace^
-- What estimates of waiting jobs rest on: how many run, and the mean run time of the last successes.
select
    (select count(*) from jobs where organisation_id = :organisation_id and status = 'running') as running,
    (select avg(done.seconds) from (
        select (select extract(epoch from sum(r.ended_at - r.started_at)) from job_runs r
                where r.organisation_id = j.organisation_id and r.job_id = j.id) as seconds
        from jobs j where j.organisation_id = :organisation_id and j.status = 'succeeded'
        order by j.finished_at desc limit 50
    ) done)::float8 as mean_seconds;

-- name: job_places
-- How many jobs of the organisation are to be claimed before each of these.
select waiting.id, waiting.place
from (
    select id, row_number() over (order by lane desc, created_at, id) - 1 as place
    from jobs where organisation_id = :organisation_id and status = 'queued'
) waiting
where waiting.id = any(:ids::text[]);

-- name: job_queues
-- What lies in each queue, of what the key may see.
select j.queue as name,
       count(*) filter (where j.status = 'queued') as queued,
       count(*) filter (where j.status = 'running') as running,
       count(*) filter (where j.dead) as dead,
       extract(epoch from now() - min(j.created_at) filter (where j.status = 'queued'))::float8 as oldest_seconds
from jobs j
join documents d on d.organisation_id = j.organisation_id and d.id = j.document_id and d.status <> 'deleting'
join collections c on c.organisation_id = j.organisation_id and c.id = j.collection_id and c.status = 'active'
where j.organisation_id = :organisation_id and c.workspace_id = :workspace_id
  and (:allowed::text[] is null or j.collection_id = any(:allowed::text[]))
  and (j.status = 'queued' or j.status = 'running' or j.dead)
group by j.queue;

-- name: job_workers
-- The instance's worker processes.
select name, version, concurrency, running, draining, started_at, seen_at from workers order by name limit 1000;

-- name: job_cancel^
-- A waiting job ends here; a running one is asked to end and does so at its next step. One whose flip is open is too
-- late: whoever takes the collection's lock next finishes it. The chunks written so far are swept, so a retry begins
-- at the beginning.
update jobs j
set cancel_requested = true,
    status = case when c.ends then 'cancelled' else j.status end,
    finished_at = case when c.ends then now() end,
    error = case when c.ends then jsonb_build_object('reason', 'cancelled', 'message', 'Cancelled.') end,
    checkpoint = case when c.ends then '{}' else j.checkpoint end,
    resume_state = case when c.ends then null else j.resume_state end,
    parsed = case when c.ends then '{}' else j.parsed end,
    parse_state = case when c.ends then null else j.parse_state end
from (
    select id, status = 'queued' and not exists (select from flips f where f.job_id = jobs.id) as ends
    from jobs where organisation_id = :organisation_id and id = :id
    for update  -- a worker may be putting it back just now
) c
where j.organisation_id = :organisation_id and j.id = c.id and j.status in ('queued', 'running')
returning j.status, j.document_id, j.version_id;

-- name: job_cancelled_version!
update versions set status = 'failed'
where organisation_id = :organisation_id and id = :version_id and status in ('pending', 'processing');

-- name: job_cancelled_document!
-- Ready again where an earlier version is visible, unless another job of the document goes on.
update documents d
set status = case when d.version_id is null then 'failed' else 'ready' end,
    error = case when d.version_id is null
                 then jsonb_build_object('reason', 'cancelled', 'message', 'Its job was cancelled.') end,
    updated_at = now()
where d.organisation_id = :organisation_id and d.id = :document_id and d.status in ('pending', 'processing')
  and not exists (select from jobs j where j.organisation_id = d.organisation_id and j.document_id = d.id
                  and j.status in ('queued', 'running'));

-- name: retry_hold
-- One ended job with its version and its document, locked: no other retry, upload or sweep comes between.
select j.id
from jobs j
join versions v on v.organisation_id = j.organisation_id and v.id = j.version_id
join documents d on d.organisation_id = j.organisation_id and d.id = j.document_id
where j.organisation_id = :organisation_id and j.id = :id and j.status in ('failed', 'cancelled')
for no key update of j, v, d;

-- name: retry_hold_some
-- The same for failed jobs by filters, the oldest first; of each document that of its newest version. What another
-- transaction holds is passed over.
with best as (
    select distinct on (j.document_id) j.id
    from jobs j
    join versions v on v.organisation_id = j.organisation_id and v.id = j.version_id
    join collections c on c.organisation_id = j.organisation_id and c.id = j.collection_id and c.status = 'active'
    where j.organisation_id = :organisation_id and c.workspace_id = :workspace_id and j.status = 'failed'
      and (:allowed::text[] is null or j.collection_id = any(:allowed::text[]))
      and (not :dead::boolean or j.dead)
      and (:collection_id::text is null or j.collection_id = :collection_id)
      and (:reason::text is null or j.error ->> 'reason' = :reason)
    order by j.document_id, v.number desc, j.created_at desc, j.id desc
)
select j.id
from best
join jobs j on j.organisation_id = :organisation_id and j.id = best.id and j.status = 'failed'
join versions v on v.organisation_id = j.organisation_id and v.id = j.version_id
                and v.pruned_at is null and v.status <> 'superseded'
join documents d on d.organisation_id = j.organisation_id and d.id = j.document_id and d.status <> 'deleting'
where not exists (
    select from versions n
    where n.organisation_id = v.organisation_id and n.document_id = v.document_id and n.number > v.number
      and (n.id = d.version_id or n.status in ('pending', 'processing')))
  and not exists (
    select from jobs o
    where o.organisation_id = j.organisation_id and o.document_id = j.document_id and o.version_id = j.version_id
      and o.status in ('queued', 'running'))
order by j.created_at, j.id
limit :limit
for no key update of j, v, d skip locked;

-- name: retry_left$
-- How many `retry_hold_some` would give now.
select count(distinct j.document_id)
from jobs j
join versions v on v.organisation_id = j.organisation_id and v.id = j.version_id
                and v.pruned_at is null and v.status <> 'superseded'
join documents d on d.organisation_id = j.organisation_id and d.id = j.document_id and d.status <> 'deleting'
join collections c on c.organisation_id = j.organisation_id and c.id = j.collection_id and c.status = 'active'
where j.organisation_id = :organisation_id and c.workspace_id = :workspace_id and j.status = 'failed'
  and (:allowed::text[] is null or j.collection_id = any(:allowed::text[]))
  and (not :dead::boolean or j.dead)
  and (:collection_id::text is null or j.collection_id = :collection_id)
  and (:reason::text is null or j.error ->> 'reason' = :reason)
  and not exists (
    select from versions n
    where n.organisation_id = v.organisation_id and n.document_id = v.document_id and n.number > v.number
      and (n.id = d.version_id or n.status in ('pending', 'processing')))
  and not exists (
    select from jobs o
    where o.organisation_id = j.organisation_id and o.document_id = j.document_id and o.version_id = j.version_id
      and o.status in ('queued', 'running'));

-- name: retry_jobs
-- Queues held jobs again where their versions may still be shown. A checkpoint is worth its chunks alone: where they
-- were swept, the job begins at the beginning. A document with a visible version stays as it is.
with retried as (
    update jobs j
    set status = 'queued', attempt = 0, dead = false, error = null, cancel_requested = false, run_after = now(),
        deadline_at = null, finished_at = null, worker = null,
        checkpoint = case when v.indexed then j.checkpoint else '{}' end,
        resume_state = case when v.indexed then j.resume_state end,
        progress = case when v.indexed and j.checkpoint <> '{}' then j.progress else '{}' end
    from versions v, documents d
    where j.organisation_id = :organisation_id and j.id = any(:ids::text[]) and j.status in ('failed', 'cancelled')
      and v.organisation_id = j.organisation_id and v.id = j.version_id
      and v.pruned_at is null and v.status <> 'superseded'
      and d.organisation_id = j.organisation_id and d.id = j.document_id and d.status <> 'deleting'
      and not exists (
        select from versions n
        where n.organisation_id = v.organisation_id and n.document_id = v.document_id and n.number > v.number
          and (n.id = d.version_id or n.status in ('pending', 'processing')))
      and not exists (
        select from jobs o
        where o.organisation_id = j.organisation_id and o.document_id = j.document_id and o.version_id = j.version_id
          and o.status in ('queued', 'running'))
    returning j.id, j.version_id, j.document_id
),
waiting_versions as (
    update versions set status = 'pending', retired_at = null
    from retried
    where versions.organisation_id = :organisation_id and versions.id = retried.version_id
      and versions.status = 'failed'
),
waiting_documents as (
    update documents set
        status = case when documents.version_id is null then 'pending' else documents.status end,
        error = null, updated_at = now()
    from retried
    where documents.organisation_id = :organisation_id and documents.id = retried.document_id
)
select id from retried;

-- name: retry_obstacle^
-- Why a job is not to be retried.
select j.status, v.pruned_at is not null as pruned
from jobs j
join versions v on v.organisation_id = j.organisation_id and v.id = j.version_id
where j.organisation_id = :organisation_id and j.id = :id;

-- name: retry_audit!
-- One event a job.
insert into audit_logs (organisation_id, event_type, actor, target, success, address, trace_id)
select :organisation_id, 'job.retried', :actor, target, true, :address, :trace_id from unnest(:targets::text[]) as target;
