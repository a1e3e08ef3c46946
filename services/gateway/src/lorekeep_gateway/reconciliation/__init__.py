"""The stores compared with each other, both ways: what is too much goes, what is too little is made again, and what
cannot be repaired is said."""

from lorekeep_gateway.reconciliation.comparison import Reconciliation, Report

__all__ = ["Reconciliation", "Report"]
