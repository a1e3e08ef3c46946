-- The index compared with the records; see reconciliation/comparison.py for why these conditions and no fewer.

-- name: reconcile_clock$
select clock_timestamp();

-- name: reconcile_collections
-- Of every organisation_id, for the daily comparison.
select organisation_id, id from collections where status = 'active' and id > :after order by id limit :limit;

-- name: reconcile_spaces
-- The index spaces of a collection, and which one is searched.
select g.model, g.fingerprint, g.dimensions, g.distance, bool_or(g.id = c.generation_id) as live
from generations g
join collections c on c.organisation_id = g.organisation_id and c.id = g.collection_id
where g.organisation_id = :organisation_id and g.collection_id = :collection_id and c.status = 'active'
group by g.model, g.fingerprint, g.dimensions, g.distance;

-- name: reconcile_versions
-- Those of these versions that have rows; `swept` where no point of it has any business in the index.
select v.id,
       v.status in ('superseded', 'failed') and not v.indexed
       and coalesce(v.retired_at, v.created_at) < :began_at and d.version_id is distinct from v.id
       and d.status <> 'deleting'
       and not exists (select from jobs j where j.document_id = v.document_id and j.version_id = v.id
                       and (j.status in ('queued', 'running') or j.lease_until > now()))
       and not exists (select from flips f where f.collection_id = d.collection_id
                       and f.versions @> jsonb_build_array(jsonb_build_object('version_id', v.id))) as swept
from versions v
join documents d on d.organisation_id = v.organisation_id and d.id = v.document_id
where v.organisation_id = :organisation_id and v.id = any(:ids::text[]);

-- name: reconcile_hold_swept$
-- The same for one version now, its row locked so that no retry of its job begins meanwhile.
select v.id
from versions v
where v.organisation_id = :organisation_id and v.id = :id and v.status in ('superseded', 'failed') and not v.indexed
for update;

-- name: reconcile_shown
-- Visible versions between two ids; `settled` where all of their chunks must have stood when the index was read.
select v.id, v.document_id, v.chunk_count,
       v.ready_at < :began_at
       and not exists (select from jobs j where j.document_id = v.document_id
                       and (j.status in ('queued', 'running') or j.finished_at >= :began_at))
       and not exists (select from flips f where f.collection_id = d.collection_id
                       and (f.versions @> jsonb_build_array(jsonb_build_object('version_id', v.id))
                            or f.versions @> jsonb_build_array(jsonb_build_object('previous_version_id', v.id))))
       as settled
from documents d
join versions v on v.organisation_id = d.organisation_id and v.id = d.version_id
where d.organisation_id = :organisation_id and d.collection_id = :collection_id and d.status <> 'deleting'
  and d.version_id collate "C" > :after and (:until::text is null or d.version_id collate "C" <= :until)
order by d.version_id collate "C"
limit :limit;
