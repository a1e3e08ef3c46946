drop table audit_logs, idempotency_keys, flips, jobs cascade;
alter table documents drop column version_id;
drop table versions, documents cascade;
drop table generations cascade;
drop table collections, api_keys, memberships, users, workspaces, organisations cascade;
