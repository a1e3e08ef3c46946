-- API keys and who they act for. The one look-up that has no organisation yet is the one that finds it.

-- name: key_to_verify^
select k.id, k.organisation_id, k.workspace_id, k.owner_id, k.secret_sha256, k.groups, k.scopes, k.collection_ids,
       k.expires_at is not null and k.expires_at <= now() as expired, k.revoked_at is not null as revoked,
       k.last_used_at is null or k.last_used_at < now() - interval '1 minute' as use_is_old
from api_keys k
where k.id = :id;

-- name: key_used!
update api_keys set last_used_at = now() where organisation_id = :organisation_id and id = :id;

-- name: key_add!
insert into api_keys (id, organisation_id, workspace_id, owner_id, name, secret_sha256, groups, scopes,
                      collection_ids, rate_limited, expires_at)
values (:id, :organisation_id, :workspace_id, :owner_id, :name, :secret_sha256, :groups, :scopes,
        :collection_ids, :rate_limited, :expires_at);

-- name: key_by_id^
select id, workspace_id, owner_id, name, groups, scopes, collection_ids, rate_limited, created_at, expires_at,
       revoked_at, last_used_at, replaced_by
from api_keys
where organisation_id = :organisation_id and id = :id
for update;

-- name: keys_listed
select id, owner_id, name, groups, scopes, collection_ids, rate_limited, created_at, expires_at, revoked_at,
       last_used_at, replaced_by
from api_keys
where organisation_id = :organisation_id
order by created_at, id;

-- name: key_revoke$
update api_keys set revoked_at = now()
where organisation_id = :organisation_id and id = :id and revoked_at is null
returning id;

-- name: key_replace!
update api_keys
set replaced_by = :replaced_by, expires_at = least(coalesce(expires_at, 'infinity'), now() + interval '24 hours')
where organisation_id = :organisation_id and id = :id;
