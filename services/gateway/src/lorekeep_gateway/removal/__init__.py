"""Removal of documents, collections and organisations: hidden at once, then gone from index, blobs and tables.

Each step may be repeated, so whatever a failure leaves is finished by `sweep`. What was removed leaves a tombstone for
a month: a worker that was paused may write again after all, and that is looked for every day.
"""

from lorekeep_gateway.removal.documents import Removal
from lorekeep_gateway.removal.leftovers import sweep
from lorekeep_gateway.removal.organisation import OrganisationRemoval
from lorekeep_gateway.removal.receipts import Receipt

__all__ = ["OrganisationRemoval", "Receipt", "Removal", "sweep"]
