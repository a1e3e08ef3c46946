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
