"""Plain text, program text, records, rows and subtitles."""
