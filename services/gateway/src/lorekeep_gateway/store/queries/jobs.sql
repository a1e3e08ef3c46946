-- The queue and what ends of jobs write. Every write of a worker carries the job's lease token; no row back means that
-- the lease is another's.

-- name: enqueue_job!
-- A job for a version, in the document's own transaction. `deadline_at` may be null: the first claim sets it.
insert into jobs (id, organisation_id, collection_id, document_id, version_id, lane, traceparent, actor, deadline_at)
values (:id, :organisation_id, :collection_id, :document_id, :version_id, :lane, :traceparent, :actor, :deadline_at);

-- name: claim_job^
-- Takes a waiting job of any queue, or one whose worker let its lease run out: of the organisation with the fewest
-- running jobs, interactive before bulk, then the oldest. The organisations come by a loose index scan and only the
-- first jobs of each are looked at, so a long queue costs no more than a short one. `waited_seconds` is null for a job
-- that was taken over.
with recursive waiting as (
    (select organisation_id from jobs where status = 'queued' order by organisation_id limit 1)
    union all
    select (select j.organisation_id from jobs j
            where j.status = 'queued' and j.organisation_id > w.organisation_id
            order by j.organisation_id limit 1)
    from waiting w where w.organisation_id is not null
),
busy as (
    select organisation_id, count(*) as running from jobs
    where status = 'running' and lease_until >= now()
    group by organisation_id
),
candidates as (
    select heads.id from waiting w cross join lateral (
        select j.id from jobs j
        where j.organisation_id = w.organisation_id and j.status = 'queued' and j.run_after <= now()
        order by j.lane desc, j.created_at, j.id limit 8
    ) heads
    union all
    (select id from jobs where status = 'running' and lease_until < now() order by lease_until limit 64)
),
chosen as (
    select j.id, case when j.status = 'queued' then now() - greatest(j.created_at, j.run_after) end as waited
    from jobs j left join busy b on b.organisation_id = j.organisation_id
    where j.id = any(array(select id from candidates))  -- as an array, so that no plan reads the whole queue
      and ((j.status = 'queued' and j.run_after <= now()) or (j.status = 'running' and j.lease_until < now()))
    order by coalesce(b.running, 0), j.lane desc, j.created_at, j.id
    limit 1
    for update of j skip locked
)
update jobs set
    status = 'running',
    attempt = attempt + 1,
    run_count = run_count + 1,
    stage = 'fetch',
    error = null,
    lease_token = gen_random_uuid(),
    lease_until = now() + :lease_seconds * interval '1 second',
    worker = :worker,
    started_at = coalesce(started_at, now()),
    deadline_at = coalesce(deadline_at, now() + :job_deadline_seconds * interval '1 second')
from chosen where jobs.id = chosen.id
returning jobs.*, extract(epoch from deadline_at - now())::float8 as remaining_seconds,
    extract(epoch from waited)::float8 as waited_seconds,
    (select media_type from versions where versions.id = jobs.version_id) as media_type;

-- name: work_of_job^
-- What a job works on.
select v.organisation_id, coalesce(v.artefact_id, v.id) as artefact_id, v.blob_sha256, v.size_bytes, v.media_type,
       v.name, v.metadata, v.verdict, v.warnings, v.segment_count, v.chunk_count, d.public_id, c.metadata_schema,
       c.reading as collection_reading, v.reading,
       v.id is not distinct from d.version_id as visible
from versions v
join documents d on d.id = v.document_id and d.organisation_id = v.organisation_id
join collections c on c.id = d.collection_id and c.organisation_id = d.organisation_id
where v.id = :version_id and v.organisation_id = :organisation_id;

-- name: watch_job^
-- Whether a job is still its worker's and still wanted; with an open flip it is too late to cancel.
select j.cancel_requested and not exists (select from flips f where f.job_id = j.id) as cancel_requested, d.status = 'deleting' as document_deleted, c.status = 'deleting' as collection_deleted
from jobs j
join documents d on d.id = j.document_id
join collections c on c.id = j.collection_id
where j.id = :id and j.lease_token = :lease_token;

-- name: extend_lease^
update jobs set lease_until = now() + :lease_seconds * interval '1 second'
where id = :id and lease_token = :lease_token
returning id;

-- name: enter_stage^
update jobs set stage = :stage where id = :id and lease_token = :lease_token returning id;

-- name: move_checkpoint^
-- The attempts start over: they are counted since the checkpoint last moved.
update jobs set
    attempt = 1, stage = :stage, checkpoint = :checkpoint, progress = progress || :progress,
    warnings = :warnings, stage_seconds = :stage_seconds,
    lease_until = now() + :lease_seconds * interval '1 second'
where id = :id and lease_token = :lease_token
returning id;

-- name: keep_parsed^
-- What lies in the blob store, and the parser's state behind it. The attempts start over while reading is all that this
-- run has done: reading further does not help a stage behind it that fails.
update jobs set
    attempt = case when :stage in ('fetch', 'parse') then 1 else attempt end, stage = :stage,
    parsed = :parsed, parse_state = :parse_state, progress = progress || :progress, stage_seconds = :stage_seconds,
    lease_until = now() + :lease_seconds * interval '1 second'
where id = :id and lease_token = :lease_token
returning id;

-- name: forget_reading^
-- What was read and indexed is of no use; `parsed` says so until the index is rid of it.
update jobs set checkpoint = '{}', parsed = :parsed, parse_state = null
where id = :id and lease_token = :lease_token
returning id;

-- name: retry_job^
-- Puts a job back after a failure that may pass.
update jobs set
    status = 'queued', stage = :stage, error = :error, run_after = now() + :pause_seconds * interval '1 second',
    stage_seconds = :stage_seconds, lease_token = null, lease_until = null
where id = :id and lease_token = :lease_token
returning id;

-- name: release_job^
-- Hands a job back as if this claim had not been.
update jobs set
    stage_seconds = :stage_seconds,
    status = 'queued', attempt = greatest(attempt - 1, 0), run_after = now() + :pause_seconds * interval '1 second',
    lease_token = null, lease_until = null
where id = :id and lease_token = :lease_token
returning id;

-- name: end_job^
-- Ends a job without success. Its chunks are removed, so a later retry starts at the beginning.
update jobs set
    status = :status, stage = coalesce(:stage, stage), dead = :dead, error = :error, finished_at = now(),
    attempt = least(attempt, :max_attempts), checkpoint = '{}', resume_state = null, stage_seconds = :stage_seconds,
    parsed = '{}', parse_state = null,
    lease_token = null, lease_until = null
where id = :id and lease_token = :lease_token
returning id;

-- name: attempts_of_job$
select attempt from jobs where id = :id;

-- name: document_kept$
select exists (select from documents where id = :document_id and status <> 'deleting');

-- name: begin_version^
-- A document that is ready stays so while its next version is read.
with begun as (
    update versions set status = 'processing', retired_at = null
    where id = :version_id and organisation_id = :organisation_id and status in ('pending', 'processing', 'failed')
    returning document_id
)
update documents set status = 'processing', error = null, updated_at = now()
from begun
where documents.id = begun.document_id and documents.version_id is null
  and documents.status in ('pending', 'processing', 'failed')
returning documents.id;

-- name: mark_version_indexed!
-- From now on chunks of the version may lie in the index.
update versions set indexed = true where id = :version_id and organisation_id = :organisation_id;

-- name: describe_version!
update versions set
    verdict = :verdict, warnings = :warnings, chunk_count = :chunk_count, segment_count = :segment_count,
    properties = coalesce(:properties, properties)
where id = :version_id and organisation_id = :organisation_id;

-- name: retire_version!
-- A version that will not be shown: `failed` or `superseded`.
update versions set status = :status, retired_at = now()
where id = :version_id and organisation_id = :organisation_id and status in ('pending', 'processing', 'failed');

-- name: fail_document!
-- A document with a visible version stays ready and says what went wrong with the next one, but nothing of one that a
-- newer version, shown or on its way, has taken the place of.
update documents set
    status = case when version_id is null then 'failed' else 'ready' end, error = :error, updated_at = now()
where id = :document_id and organisation_id = :organisation_id and status <> 'deleting'
  and not exists (select from versions v join versions n on n.document_id = v.document_id and n.number > v.number
                  where v.id = :version_id and n.document_id = documents.id
                    and n.status in ('pending', 'processing', 'ready'));

-- name: version_to_sweep^
-- A version whose chunks nobody sees any more, locked so that no retry begins meanwhile.
select v.id, v.organisation_id, v.document_id, d.collection_id
from versions v join documents d on d.id = v.document_id
where v.indexed and v.status in ('superseded', 'failed')
  and (v.retired_at is null or v.retired_at < now() - :sweep_after_seconds * interval '1 second')
order by v.retired_at limit 1
for update of v skip locked;

-- name: retired_version^
-- The same for one version, whatever its age.
select v.id, v.organisation_id, v.document_id, d.collection_id
from versions v join documents d on d.id = v.document_id
where v.id = :version_id and v.indexed and v.status in ('superseded', 'failed')
for update of v;

-- name: mark_version_swept!
update versions set indexed = false where id = :version_id and organisation_id = :organisation_id;

-- name: forget_idempotency_keys!
delete from idempotency_keys where created_at < now() - interval '24 hours';

-- name: queue_figures
-- Jobs by queue and status, for metrics.
select queue, status, count(*) as jobs, count(*) filter (where dead) as dead from jobs group by queue, status;

-- name: waiting_figures
-- How long the oldest job of each queue waits, and whether one is due: waiting past its pause or left by its worker.
select queue,
    coalesce(extract(epoch from now() - min(created_at) filter (where status = 'queued')), 0)::float8 as oldest_seconds,
    bool_or(case status when 'queued' then run_after <= now() else lease_until < now() end) as due
from jobs where status in ('queued', 'running')
group by queue;

-- name: live_generation^
-- A collection's generation; null fields where it has none yet, no row where the collection is gone.
select c.metadata_schema, c.chunking, g.*
from collections c left join generations g on g.id = c.generation_id and g.organisation_id = c.organisation_id
where c.id = :collection_id and c.organisation_id = :organisation_id;

-- name: make_generation^
-- The collection's first generation, unless another job was quicker, or what the collection asks for was changed since
-- it was looked at.
with held as (
    select id, organisation_id from collections
    where id = :collection_id and organisation_id = :organisation_id and chunking = :chunking
    for update
),
made as (
    insert into generations (id, organisation_id, collection_id, model, fingerprint, tokenizer_fingerprint, dimensions,
        distance, max_tokens, overlap_tokens, min_tokens, status, chunk_strategy, prefix)
    select :id, held.organisation_id, held.id, :model, :fingerprint, :tokenizer_fingerprint, :dimensions,
        :distance, :max_tokens, :overlap_tokens, :min_tokens, 'live', :chunk_strategy, :prefix
    from held
    on conflict (collection_id) where status = 'live' do nothing
    returning id
)
update collections set generation_id = made.id, updated_at = now()
from made where collections.id = :collection_id and collections.organisation_id = :organisation_id
returning collections.id;
