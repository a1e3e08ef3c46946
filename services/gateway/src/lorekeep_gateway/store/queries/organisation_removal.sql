-- Removal of organisations: hidden at once by the status, gone step by step. `organisation_id` is that of one marked.

-- name: removal_mark_organisation$
-- The name is free from now on.
update organisations set status = 'deleting', name = id where name = :name and status = 'active' returning id;

-- name: removal_mark_collections!
update collections set status = 'deleting', updated_at = now()
where organisation_id = :organisation_id and status = 'active';

-- name: removal_revoke_api_keys!
update api_keys set revoked_at = now() where organisation_id = :organisation_id and revoked_at is null;

-- name: removal_collections
select id, status = 'active' as active from collections where organisation_id = :organisation_id order by id;

-- name: removal_unlink_api_keys!
update api_keys set replaced_by = null where organisation_id = :organisation_id and replaced_by is not null;

-- name: removal_api_keys_rows!
delete from api_keys where organisation_id = :organisation_id;

-- name: removal_webhook_deliveries_rows!
delete from webhook_deliveries where organisation_id = :organisation_id;

-- name: removal_webhooks_rows!
delete from webhooks where organisation_id = :organisation_id;

-- name: removal_idempotency_keys_rows!
delete from idempotency_keys where organisation_id = :organisation_id;

-- name: removal_memberships_rows!
delete from memberships where organisation_id = :organisation_id;

-- name: removal_workspaces_rows!
delete from workspaces where organisation_id = :organisation_id;

-- name: removal_organisation_rows!
delete from organisations where id = :organisation_id and status = 'deleting';

-- name: removal_lonely_users!
-- Users of no organisation_id any more; an instance's administrators stay.
delete from users u
where not u.instance_admin and not exists (select from memberships m where m.user_id = u.id);

-- name: removal_organisation_receipt^
-- All counts since the organisation was marked, its collections' included; no row where it never was.
select not exists (select from organisations o where o.id = :organisation_id) as finished,
       coalesce((select jsonb_object_agg(sums.key, sums.count)
                 from (select each.key, sum(each.value::bigint) as count
                       from tombstones t cross join lateral jsonb_each_text(t.removed) each
                       where t.organisation_id = :organisation_id and t.document_id = ''
                         and t.removed_at >= mine.removed_at
                       group by each.key) sums), '{}') as removed
from tombstones mine
where mine.organisation_id = :organisation_id and mine.collection_id = '' and mine.document_id = '';
