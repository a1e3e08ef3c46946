"""Everything that is sent out on a user's behalf: web pages that are fetched, webhooks that are told."""
