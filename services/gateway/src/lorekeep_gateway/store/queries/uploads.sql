-- What one transaction writes when documents are accepted.

-- name: upload_document^
-- A new document, or the next version of one. What is visible stays as it is until the next version is.
insert into documents as d (id, organisation_id, collection_id, public_id, name, status, metadata)
values (:id, :organisation_id, :collection_id, :public_id, :name, 'pending', :metadata)
on conflict (collection_id, public_id) where status <> 'deleting' do update
set status = case when d.version_id is null then 'pending' else d.status end, error = null, updated_at = now(),
    name = case when d.version_id is null then excluded.name else d.name end,
    metadata = case when d.version_id is null then excluded.metadata else d.metadata end
returning d.id, d.public_id, d.status;

-- name: upload_version^
insert into versions (id, organisation_id, document_id, number, status, blob_sha256, size_bytes, media_type, name,
                      metadata, request_hash)
select :id, :organisation_id, :document_id, coalesce(max(v.number), 0) + 1, 'pending', :blob_sha256, :size_bytes,
       :media_type, :name, :metadata, :request_hash
from versions v
where v.organisation_id = :organisation_id and v.document_id = :document_id
returning id, number;

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
               where organisation_id = :organisation_id and blob_sha256 = :sha256 and pruned_at is null);

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
