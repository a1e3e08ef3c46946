-- Organisations, their workspaces and members, and what was done by whom.

-- name: organisations_hold!
-- Held to the end of the transaction, so that only one process makes the first organisation.
select pg_advisory_xact_lock(hashtextextended('first organisation', 0));

-- name: organisation_any$
select exists (select from organisations);

-- name: organisation_first^
select w.organisation_id, w.id as workspace_id
from workspaces w
join organisations o on o.id = w.organisation_id and o.status = 'active'
order by w.created_at, w.id
limit 1;

-- name: organisation_by_name^
-- Not marked for deletion before the transaction ends.
select o.id as organisation_id, o.name, w.id as workspace_id
from organisations o
join workspaces w on w.organisation_id = o.id and w.name = 'default'
where o.name = :name and o.status = 'active'
for key share of o;

-- name: organisations_listed
select o.id as organisation_id, o.name, o.created_at,
       (select count(*) from collections c where c.organisation_id = o.id and c.status = 'active') as collection_count
from organisations o
where o.status = 'active'
order by o.name;

-- name: organisation_add!
insert into organisations (id, name) values (:id, :name);

-- name: workspace_add!
insert into workspaces (id, organisation_id, name) values (:id, :organisation_id, :name);

-- name: user_add<!
insert into users (id, name, instance_admin) values (:id, :name, :instance_admin)
on conflict (name) do update set instance_admin = users.instance_admin or excluded.instance_admin
returning id;

-- name: membership_add!
insert into memberships (organisation_id, user_id, role) values (:organisation_id, :user_id, :role)
on conflict (organisation_id, user_id) do update set role = excluded.role;

-- name: member_by_name$
select u.id
from users u
join memberships m on m.user_id = u.id
where m.organisation_id = :organisation_id and u.name = :name;

-- name: audit_add!
insert into audit_logs (organisation_id, event_type, actor, target, success, address, trace_id, detail)
values (:organisation_id, :event_type, :actor, :target, :success, :address, :trace_id, :detail);

-- name: schema_versions
select version from schema_migrations;

-- name: schema_recorded$
select to_regclass('schema_migrations') is not null;
