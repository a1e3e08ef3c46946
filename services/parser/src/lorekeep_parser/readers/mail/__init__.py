"""Mails, by format."""
