-- Removal: hidden at once by the status, gone step by step. Only rows marked `deleting` are ever taken.

-- name: removal_mark_document^
update documents set status = 'deleting', updated_at = now()
where organisation_id = :organisation_id and collection_id = :collection_id and public_id = :public_id
  and status <> 'deleting'
returning id;

-- name: removal_mark_collection^
update collections set status = 'deleting', updated_at = now()
where organisation_id = :organisation_id and id = :id and status = 'active'
returning id;

-- name: removal_cancel_jobs
-- Ends waiting and running jobs; a worker loses its lease and can write nothing more. Gives those that ran.
update jobs j
set status = 'cancelled', cancel_requested = true, lease_token = null, lease_until = null, finished_at = now()
from (select id, status from jobs
      where organisation_id = :organisation_id and collection_id = :collection_id
        and (:document_id::text is null or document_id = :document_id) and status in ('queued', 'running')
      for update) before
where j.organisation_id = :organisation_id and j.id = before.id
returning j.id, before.status = 'running' as ran;

-- name: removal_documents
-- Documents of a collection that is to go, or one document.
select id from documents
where organisation_id = :organisation_id and collection_id = :collection_id
  and (:document_id::text is null or id = :document_id)
order by id
limit :limit;

-- name: removal_versions
select id, blob_sha256 from versions where organisation_id = :organisation_id and document_id = :document_id;

-- name: removal_blob_shared$
select exists (select from versions
               where organisation_id = :organisation_id and blob_sha256 = :sha256 and document_id <> :document_id);

-- name: removal_unlink!
update documents set version_id = null, updated_at = now()
where organisation_id = :organisation_id and id = :document_id and version_id is not null;

-- name: removal_job_rows!
delete from jobs where organisation_id = :organisation_id and document_id = :document_id;

-- name: removal_version_rows!
delete from versions where organisation_id = :organisation_id and document_id = :document_id;

-- name: removal_document_row!
delete from documents where organisation_id = :organisation_id and id = :document_id;

-- name: removal_flip_rows!
delete from flips where organisation_id = :organisation_id and collection_id = :id;

-- name: removal_collection_unlink!
update collections set generation_id = null where organisation_id = :organisation_id and id = :id;

-- name: removal_generation_rows!
delete from generations where organisation_id = :organisation_id and collection_id = :id;

-- name: removal_collection_row!
delete from collections where organisation_id = :organisation_id and id = :id and status = 'deleting';

-- name: removal_left_documents
-- Of every organisation_id, for the janitor.
select d.organisation_id, d.collection_id, d.id
from documents d
join collections c on c.organisation_id = d.organisation_id and c.id = d.collection_id and c.status = 'active'
where d.status = 'deleting' and d.updated_at <= now() - make_interval(secs => :older_than_seconds)
order by d.updated_at
limit :limit;

-- name: removal_left_collections
-- Of every organisation_id, for the janitor.
select organisation_id, id from collections
where status = 'deleting' and updated_at <= now() - make_interval(secs => :older_than_seconds)
order by updated_at
limit :limit;
