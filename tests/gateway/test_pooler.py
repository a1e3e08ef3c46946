"""The gateway through PgBouncer in transaction mode: what its other tests show over a direct connection holds."""

from tests.gateway import test_documents, test_idempotency, test_removal, test_tenancy, test_uploads
from tests.pgbouncer import database_url, pooler

__all__ = ["database_url", "pooler"]

for _file in (test_documents, test_idempotency, test_removal, test_tenancy, test_uploads):
    globals().update({name: value for name, value in vars(_file).items() if name.startswith("test_")})
