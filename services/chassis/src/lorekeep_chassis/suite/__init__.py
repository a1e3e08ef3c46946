"""The local suite: every process of lorekeep on one machine, without Docker, under one small supervisor.

`python -m lorekeep_chassis.suite up|down|status|logs|run`; `make up` and its kin call it. Linux only: what runs is
told from /proc. docs/decisions/0001-local-supervisor.md says why the supervisor is ours.
"""
