"""Text that was wrapped for the wire and says so (RFC 3676): lines that end in a space go on in the next."""

_SIGNATURE = "-- "


def joined(text: str, *, delete_spaces: bool) -> str:
    """The paragraphs as they were written; quoted ones keep their marks."""
    lines: list[str] = []
    open_depth = -1
    for raw in text.split("\n"):
        depth = len(raw) - len(raw.lstrip(">"))
        line = raw[depth:].removeprefix(" ")
        if depth == open_depth:
            lines[-1] = (lines[-1][:-1] if delete_spaces else lines[-1]) + line
        else:
            lines.append(f"{'>' * depth} {line}" if depth else line)
        open_depth = depth if line.endswith(" ") and line != _SIGNATURE else -1
    return "\n".join(lines)
