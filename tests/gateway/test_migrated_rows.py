"""Migrations over rows: what the code before wrote stays, and what it still writes while it runs is understood."""

import asyncpg

from lorekeep_gateway.store import schema

_HOUSE = """
insert into organisations (id, name) values ('org_a', 'a');
insert into workspaces (id, organisation_id, name) values ('ws_a', 'org_a', 'main');
"""
# As the code of migration 2 writes them: without what migration 3 brought.
_ROWS = """
insert into collections (id, organisation_id, workspace_id, name) values ('col_{0}', 'org_a', 'ws_a', 'c{0}');
insert into generations (id, organisation_id, collection_id, model, fingerprint, tokenizer_fingerprint, dimensions,
                         distance, max_tokens, overlap_tokens, min_tokens, status)
values ('gen_{0}', 'org_a', 'col_{0}', 'tiny', 'f', 't', 4, 'cosine', 256, 0, 0, 'live');
insert into documents (id, organisation_id, collection_id, public_id, name, status)
values ('doc_{0}', 'org_a', 'col_{0}', 'd', 'd.txt', 'pending');
insert into versions (id, organisation_id, document_id, number, status, blob_sha256, size_bytes, media_type, name,
                      request_hash)
values ('ver_{0}', 'org_a', 'doc_{0}', 1, 'pending', 'ab', 2, 'text/plain', 'd.txt', 'h');
insert into jobs (id, organisation_id, collection_id, document_id, version_id, actor, parsed, parse_state)
values ('job_{0}', 'org_a', 'col_{0}', 'doc_{0}', 'ver_{0}', 'key', '{{"segments": 1}}', 'state');
"""
_NOW = """
select c.chunking::text, c.reading::text, g.chunk_strategy, g.prefix, v.properties::text, v.reading::text, d.parent_id
from collections c join generations g on g.collection_id = c.id join documents d on d.collection_id = c.id
join versions v on v.document_id = d.id order by c.id
"""
_CHILD = """
insert into documents (id, organisation_id, collection_id, public_id, name, status, parent_id)
values ('doc_kid', 'org_a', 'col_1', 'd/kid', 'kid', 'ready', 'doc_1');
insert into attachments (organisation_id, version_id, ordinal, name, media_type, blob_sha256, size_bytes)
values ('org_a', 'ver_1', 0, 'kid', 'text/plain', 'cd', 1);
"""


async def test_rows_go_up_down_and_up_again(empty_database_url: str) -> None:
    await schema.upgrade(empty_database_url)
    await schema.downgrade(empty_database_url, 1)
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute(_HOUSE + _ROWS.format(1))
        await schema.upgrade(empty_database_url)
        await connection.execute(_ROWS.format(2))
        rows = [tuple(row) for row in await connection.fetch(_NOW)]
        assert rows == [("{}", "{}", "by_title", "", "{}", "{}", None)] * 2
        await connection.execute(_CHILD)
        await schema.downgrade(empty_database_url, 1)
        kept = await connection.fetch("select id from documents order by id")
        assert [row["id"] for row in kept] == ["doc_1", "doc_2", "doc_kid"], "a child is a document as others then"
        await schema.upgrade(empty_database_url)
        assert len(await connection.fetch(_NOW)) == 2
        assert [bytes(row[0]) for row in await connection.fetch("select parse_state from jobs")] == [b"state"] * 2
    finally:
        await connection.close()
