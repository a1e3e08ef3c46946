-- Jobs as the public side sees and cancels them; the queue itself is the ingest role's.

-- name: job_shown^
select j.id, j.status, j.stage, j.attempt, j.dead, j.progress, j.warnings, j.error, j.collection_id, j.created_at,
       j.started_at, j.finished_at, j.cancel_requested, d.public_id, v.number
from jobs j
join documents d on d.organisation_id = j.organisation_id and d.id = j.document_id and d.status <> 'deleting'
join versions v on v.organisation_id = j.organisation_id and v.id = j.version_id
join collections c on c.organisation_id = j.organisation_id and c.id = j.collection_id and c.status = 'active'
where j.organisation_id = :organisation_id and j.id = :id and c.workspace_id = :workspace_id
  and (:allowed::text[] is null or j.collection_id = any(:allowed::text[]));

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
