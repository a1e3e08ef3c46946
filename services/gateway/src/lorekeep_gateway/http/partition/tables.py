"""Tables as HTML."""

from html import escape


def html_of(text: str, kept: str) -> str | None:
    """All rows of a table: the HTML that was kept where it holds them, else made from the text, whose lines are rows
    of cells parted by tabs."""
    rows = [each for each in text.split("\n") if each.strip()]
    if kept.count("<tr") >= len(rows) and rows:
        return kept
    return f"<table>{''.join(map(_row, rows))}</table>" if rows else None


def _row(line: str) -> str:
    return f"<tr>{''.join(f'<td>{escape(each.strip())}</td>' for each in line.split(chr(9)))}</tr>"
