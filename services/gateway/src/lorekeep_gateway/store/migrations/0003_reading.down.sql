drop table attachments;
drop index documents_by_parent;
alter table documents drop constraint documents_parent, drop column parent_id;
alter table uploads drop column reading;
alter table versions drop column reading, drop column properties;
alter table generations drop column prefix, drop column chunk_strategy;
alter table collections drop column reading, drop column chunking;
