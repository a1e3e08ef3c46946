"""Word, PowerPoint, Excel and OpenDocument, the old binary formats too."""
