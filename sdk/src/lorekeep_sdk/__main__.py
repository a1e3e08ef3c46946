"""`python -m lorekeep_sdk`: the same as `lorekeep`."""

from lorekeep_sdk.command import main

main()
