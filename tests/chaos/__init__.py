"""A seeded storm over a whole suite: documents go in and searches run while processes are killed and stopped, then
every promise of ingest is checked. `make chaos SEED=1 DOCUMENTS=200 KILLS=40`.
"""
