-- Versions beside their ingest: rebuilds, restores, pruning.

-- name: rebuild_enqueue
-- One rebuild a document with a visible version, but where one is under way. `id` is how the new ids begin.
insert into jobs (id, organisation_id, collection_id, document_id, version_id, kind, queue, lane, traceparent, actor)
select :id || left(md5(gen_random_uuid()::text), 16), d.organisation_id, d.collection_id, d.id, d.version_id,
       'rebuild', 'reindex', 'bulk', :traceparent, :actor
from documents d
join collections c on c.organisation_id = d.organisation_id and c.id = d.collection_id and c.status = 'active'
where d.organisation_id = :organisation_id and d.collection_id = :collection_id
  and d.status <> 'deleting' and d.version_id is not null
  and (:document_ids::text[] is null or d.id = any(:document_ids::text[]))
  and not exists (select from jobs j where j.document_id = d.id and j.kind = 'rebuild'
                  and j.status in ('queued', 'running'))
returning id;

-- name: version_visible$
-- Whether a version is what its document shows; asked under the collection's lock.
select exists (select from versions v join documents d on d.id = v.document_id and d.version_id = v.id
               where v.organisation_id = :organisation_id and v.id = :version_id and d.status <> 'deleting');

-- name: artefact_counted!
-- The segments of an artefact that was made anew, of every version that shares it.
update versions set segment_count = :segment_count
where organisation_id = :organisation_id and (id = :artefact_id or artefact_id = :artefact_id)
  and segment_count is not null;
