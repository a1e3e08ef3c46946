"""HTML, XML, Markdown, light markup, EPUB and RTF: one pass each, without a tree."""
