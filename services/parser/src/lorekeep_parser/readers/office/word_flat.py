"""Makes a Word document plain: what wraps paragraphs and runs is taken off, what hangs on them is put behind them.

unstructured reads the paragraphs, runs and tables that stand right in the body, and these only. Content controls,
tracked insertions, text boxes, footnotes, comments, charts and formulas are put there, so that it finds them in order.
"""

from typing import Any

from lorekeep_parser.readers.office.office_packages import local
from lorekeep_parser.readers.office.word_notes import Notes

# Their content is shown as if they were not there.
_WRAPPERS = frozenset({"ins", "moveTo", "smartTag", "customXml", "sdt", "sdtContent", "fldSimple", "dir", "bdo", "ruby",
                       "rubyBase", "AlternateContent", "Choice"})  # fmt: skip
_DROPPED = frozenset({"del", "moveFrom", "Fallback", "sdtPr", "sdtEndPr", "rt", "rubyPr", "smartTagPr", "customXmlPr"})


def flatten(root: Any, notes: Notes | None) -> None:
    """Changes the tree of a part in place. Without `notes`, only what wraps is taken off."""
    for each in list(root.iter()):
        if local(each) in _DROPPED and not _in_properties(each):
            _drop(each)
    for each in list(root.iter()):
        if local(each) in ("oMath", "oMathPara"):
            _spell_out(each, root)
    # From the inside out: what was unwrapped is never looked at again.
    for each in reversed(list(root.iter())):
        if local(each) in _WRAPPERS and not _in_properties(each):
            _unwrap(each)
    _split_nested_runs(root)
    for paragraph in reversed([each for each in root.iter() if local(each) == "p"]):
        _hang_out(paragraph, root, notes)


def _in_properties(element: Any) -> bool:
    """Whether a mark of the same name stands in properties, where it wraps nothing."""
    parent = element.getparent()
    return parent is not None and local(parent) in ("rPr", "pPr", "trPr", "tcPr", "numPr")


def _drop(element: Any) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _unwrap(element: Any) -> None:
    if element.getparent() is None:
        return
    for child in list(element):
        element.addprevious(child)
    _drop(element)


def _spell_out(formula: Any, root: Any) -> None:
    """A formula as a run of its characters."""
    text = "".join(each.text or "" for each in formula.iter("{*}t"))
    parent = formula.getparent()
    if parent is None or local(parent) == "oMathPara":
        return
    made = _run(root, text)
    formula.addprevious(_paragraph(root, made) if local(parent) in ("body", "tc") else made)
    _drop(formula)


def _split_nested_runs(root: Any) -> None:
    """Runs inside of runs, which were those of a ruby, become runs beside."""
    for run in [each for each in root.iter() if local(each) == "r"]:
        parent = run.getparent()
        if parent is not None and local(parent) == "r":
            parent.addprevious(run)


def _hang_out(paragraph: Any, root: Any, notes: Notes | None) -> None:
    """Puts text boxes, then notes, behind the paragraph."""
    lines = [] if notes is None else list(notes.behind(paragraph))
    for line in reversed(lines):
        if line.strip():
            paragraph.addnext(_paragraph(root, _run(root, line)))
    boxes = [each for each in paragraph.iterdescendants() if local(each) == "txbxContent"]
    for box in reversed(boxes):
        for child in reversed(box):
            if local(child) in ("p", "tbl"):
                paragraph.addnext(child)
        _drop(box)


def _run(root: Any, text: str) -> Any:
    run = root.makeelement(_named(root, "r"))
    part = run.makeelement(_named(root, "t"))
    part.text = text
    run.append(part)
    return run


def _paragraph(root: Any, run: Any) -> Any:
    made = root.makeelement(_named(root, "p"))
    made.append(run)
    return made


def _named(root: Any, name: str) -> str:
    return f"{root.tag.rpartition('}')[0]}}}{name}"
