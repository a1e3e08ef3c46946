-- Uploads in parts. One that is completed or given up expires at once; its objects go first, then its row.

-- name: staged_hold!
-- Held to the end of the transaction, so that an organisation's open uploads are counted by one after the other.
select pg_advisory_xact_lock(hashtextextended(:organisation_id || ' staged uploads', 0));

-- name: staged_open$
select count(*) from uploads where organisation_id = :organisation_id and expires_at > now();

-- name: staged_add!
insert into uploads (id, organisation_id, collection_id, actor, name, size_bytes, part_bytes, sha256, public_id,
                     metadata, reading, expires_at)
values (:id, :organisation_id, :collection_id, :actor, :name, :size_bytes, :part_bytes, :sha256, :public_id,
        :metadata, :reading, now() + make_interval(secs => :expiry_seconds));

-- name: staged_shown^
select u.id, u.organisation_id, u.name, u.size_bytes, u.part_bytes, u.sha256, u.public_id, u.metadata, u.reading, u.expires_at,
       array(select p.number from upload_parts p where p.upload_id = u.id order by p.number) as parts_received
from uploads u
where u.organisation_id = :organisation_id and u.collection_id = :collection_id and u.id = :id
  and u.expires_at > now();

-- name: staged_alive$
-- Holds an upload open against its end until the transaction does.
select true
from uploads
where organisation_id = :organisation_id and collection_id = :collection_id and id = :id and expires_at > now()
for key share;

-- name: staged_parts
select p.number, p.size_bytes, p.sha256, p.path
from upload_parts p
join uploads u on u.id = p.upload_id and u.organisation_id = :organisation_id
where p.upload_id = :id
order by p.number;

-- name: staged_part_hold!
-- Held to the end of the transaction, so that repeats of a part replace each other one after the other.
select pg_advisory_xact_lock(hashtextextended(:id || ' part ' || :number::int, 0));

-- name: staged_part_path$
select p.path
from upload_parts p
join uploads u on u.id = p.upload_id and u.organisation_id = :organisation_id
where p.upload_id = :id and p.number = :number;

-- name: staged_part_keep!
insert into upload_parts (upload_id, number, size_bytes, sha256, path)
select u.id, :number::int, :size_bytes::int, :sha256, :path
from uploads u
where u.organisation_id = :organisation_id and u.id = :id
on conflict (upload_id, number) do update
set size_bytes = excluded.size_bytes, sha256 = excluded.sha256, path = excluded.path;

-- name: staged_end^
-- No row where another call ended it.
update uploads set expires_at = now()
where organisation_id = :organisation_id and collection_id = :collection_id and id = :id and expires_at > now()
returning id;

-- name: staged_ended
-- Of every organisation_id, for the janitor.
select id, organisation_id from uploads where expires_at <= now() order by expires_at limit :limit;

-- name: staged_forget!
delete from uploads where organisation_id = :organisation_id and id = :id and expires_at <= now();
