-- What one transaction writes when documents are accepted.

-- name: upload_document^
-- A new document, or the next version of one. What is visible stays as it is until the next version is.
insert into documents as d (id, organisation_id, collection_id, public_id, name, status, metadata, kind, source)
values (:id, :organisation_id, :collection_id, :public_id, :name, 'pending', :metadata, :kind, :source)
on conflict (collection_id, public_id) where status <> 'deleting' do update
set status = case when d.version_id is null then 'pending' else d.status end, error = null, updated_at = now(),
    kind = excluded.kind, source = excluded.source,
    name = case when d.version_id is null then excluded.name else d.name end,
    metadata = case when d.version_id is null then excluded.metadata else d.metadata end
returning d.id, d.public_id, d.status;

-- name: upload_version^
insert into versions (id, organisation_id, document_id, number, status, blob_sha256, size_bytes, media_type, name,
                      metadata, source, request_hash, reading)
select :id, :organisation_id, :document_id, coalesce(max(v.number), 0) + 1, 'pending', :blob_sha256, :size_bytes,
       :media_type, :name, :metadata, :source, :request_hash, :reading
from versions v
where v.organisation_id = :organisation_id and v.document_id = :document_id
returning id, number;

-- name: upload_hold!
-- Held to the end of the transaction, so that uploads under one id come one after the other, even the first two.
select pg_advisory_xact_lock(hashtextextended(:collection_id || ' document ' || :public_id, 0));

-- name: upload_newest^
-- A document's newest version with its document and its latest job.
select d.id as document_id, d.public_id, d.status as document_status, d.kind, coalesce(v.source, d.source) as source,
       v.id as version_id, v.number, v.status, v.blob_sha256, v.size_bytes, v.media_type, v.name, v.metadata,
       v.reading, v.warnings::text ~ '"blob_(missing|corrupt):' as damaged,
       j.id as job_id, j.status as job_status, coalesce(j.cancel_requested, false) as cancel_requested
from documents d
join lateral (
    select * from versions v
    where v.organisation_id = d.organisation_id and v.document_id = d.id
    order by v.number desc
    limit 1
) v on true
left join lateral (
    select * from jobs j
    where j.organisation_id = d.organisation_id and j.document_id = d.id and j.version_id = v.id
    order by j.created_at desc
    limit 1
) j on true
where d.organisation_id = :organisation_id and d.collection_id = :collection_id and d.public_id = :public_id
  and d.status <> 'deleting';

-- name: upload_source!
-- What was fetched again and found the same says when.
with changed as (
    update versions set source = :source where organisation_id = :organisation_id and id = :version_id
)
update documents set source = :source where organisation_id = :organisation_id and id = :document_id;

-- name: upload_healed!
-- Bytes that were lost or damaged are whole again, for every version that has them.
update versions set warnings = (select coalesce(jsonb_agg(each), '[]') from jsonb_array_elements(warnings) each
                                where each #>> '{}' !~ '^blob_(missing|corrupt):')
where organisation_id = :organisation_id and blob_sha256 = :sha256 and warnings::text ~ '"blob_(missing|corrupt):';

-- name: upload_waiting$
-- How many jobs of an organisation wait, counted no further than the bound.
select count(*)
from (
    select 1 from jobs where organisation_id = :organisation_id and status = 'queued' limit :limit
) waiting;

-- name: upload_collection_alive$
-- Holds the collection against its deletion until the transaction ends.
select true
from collections
where organisation_id = :organisation_id and id = :id and status = 'active'
for key share;

-- name: blob_hold!
-- Held to the end of the transaction: a blob is not removed while a document that needs it is being accepted.
select pg_advisory_xact_lock(hashtextextended(:organisation_id || ' blob ' || :sha256, 0));

-- name: blob_used$
select exists (select from versions
               where organisation_id = :organisation_id and blob_sha256 = :sha256 and pruned_at is null)
    or exists (select from attachments where organisation_id = :organisation_id and blob_sha256 = :sha256);

-- name: idempotency_hold$
select pg_try_advisory_xact_lock(hashtextextended(:organisation_id || ' key ' || :key, 0));

-- name: idempotency_found^
select request_hash, response, http_status
from idempotency_keys
where organisation_id = :organisation_id and key = :key and created_at > now() - interval '24 hours';

-- name: idempotency_keep!
insert into idempotency_keys (organisation_id, key, request_hash, response, http_status)
values (:organisation_id, :key, :request_hash, :response, :http_status)
on conflict (organisation_id, key) do update
set request_hash = excluded.request_hash, response = excluded.response, http_status = excluded.http_status,
    created_at = now();
