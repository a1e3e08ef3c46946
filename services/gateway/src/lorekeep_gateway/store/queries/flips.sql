-- The switch of what a collection shows. All of these run under the collection's lock.

-- name: lock_collection^
-- `no key update` holds against other flips and against changes of the collection, not against uploads into it.
select id, status, epoch from collections
where id = :collection_id and organisation_id = :organisation_id
for no key update;

-- name: hold_job^
-- The job's row, locked: nobody takes it over or cancels it before the transaction ends.
select id from jobs where id = :id and lease_token = :lease_token for update;

-- name: document_to_flip^
-- `newer_visible` where a later version of the document is shown already.
select d.status, d.version_id as previous_version_id, coalesce(shown.number > v.number, false) as newer_visible
from documents d
join versions v on v.id = :version_id and v.document_id = d.id
left join versions shown on shown.id = d.version_id
where d.id = :document_id and d.organisation_id = :organisation_id
for no key update of d;

-- name: open_flip^
select f.*, f.created_at < now() - :patience_seconds * interval '1 second' as overdue
from flips f where f.collection_id = :collection_id;

-- name: overdue_flips
select * from flips where created_at < now() - :patience_seconds * interval '1 second' order by created_at limit 100;

-- name: job_has_flip$
select exists (select from flips where job_id = :job_id);

-- name: intend_flip^
insert into flips (collection_id, organisation_id, epoch, versions, job_id)
values (:collection_id, :organisation_id, :epoch, :versions, :job_id)
returning *;

-- name: advance_epoch!
update collections set epoch = :epoch, updated_at = now()
where id = :collection_id and organisation_id = :organisation_id and epoch = :epoch - 1;

-- name: show_version!
update versions set status = 'ready', ready_at = now(), retired_at = null, shown_epoch = :epoch
where id = :version_id and organisation_id = :organisation_id;

-- name: hide_version!
update versions set status = 'superseded', retired_at = now()
where id = :version_id and organisation_id = :organisation_id;

-- name: show_document!
-- What went wrong with a newer version stays said.
update documents set
    status = case when documents.status = 'deleting' then documents.status else 'ready' end,
    version_id = :version_id, name = v.name, metadata = v.metadata, updated_at = now(),
    error = case when exists (select from versions n where n.document_id = documents.id and n.number > v.number
                              and n.status = 'failed') then documents.error end,
    content_preview = :content_preview
from versions v
where documents.id = :document_id and documents.organisation_id = :organisation_id and v.id = :version_id;

-- name: succeed_job!
-- A job that was cancelled meanwhile, for its document is to go, stays so. Its times are known to its worker alone.
update jobs set
    status = 'succeeded', stage = 'flip', dead = false, error = null, finished_at = now(),
    stage_seconds = case when lease_token = :lease_token then :stage_seconds else stage_seconds end,
    lease_token = null, lease_until = null
where id = :job_id and organisation_id = :organisation_id and status in ('queued', 'running');

-- name: flip_hold_job!
-- The job before its versions and its document, the order in which its worker takes them.
select id from jobs where id = :job_id and organisation_id = :organisation_id for update;

-- name: close_flip!
delete from flips where collection_id = :collection_id and epoch = :epoch;
