"""What people wrote into a PDF: values of form fields, and comments that stand beside its text."""

import ctypes
import re
from collections.abc import Iterator
from typing import Any

import pypdfium2.raw as pdfium

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.pdf import frame

_MAX_ANNOTATIONS = 2000
_MAX_BYTES = 128 * 1024
_SILENT = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_POPUP)
_WRITTEN = (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_TICKED = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_NOT_TICKED = ("", "Off")
# Names that programs give: `Text1`, `f1_01[0]`, `topmostSubform[0].Page1[0]`.
_READABLE = re.compile(r"(?!.*\[)[^\W\d_][^\d_.]*[^\W\d_]")


def elements(page: Any, form: Any, number: int) -> Iterator[Element]:
    """The filled fields and the comments of a page, in the order that the page lists them; `form` may be None."""
    shown = frame.of_page(page)
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MAX_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        try:
            text = _text(annotation, form)
            if text.strip():
                box = _box(annotation, shown, number)
                yield Element(kind=Kind.ELEMENT_KIND_TEXT, text=text.strip(), page=number, boxes=[box])
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _text(annotation: Any, form: Any) -> str:
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    if kind == pdfium.FPDF_ANNOT_WIDGET and form is not None:
        return _field(annotation, form.raw)
    if kind in _SILENT:
        return ""
    return _string(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size))


def _field(annotation: Any, form: Any) -> str:
    """A field as `label: value`; a box that is ticked by its label."""

    def told(call: Any) -> str:
        return _string(lambda buffer, size: call(form, annotation, buffer, size)).strip()

    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind not in _WRITTEN + _TICKED:
        return ""
    value = told(pdfium.FPDFAnnot_GetFormFieldValue)
    label = told(pdfium.FPDFAnnot_GetFormFieldAlternateName)
    if not label:
        name = told(pdfium.FPDFAnnot_GetFormFieldName)
        label = name if _READABLE.fullmatch(name) else ""
    if kind in _TICKED:
        ticked = value not in _NOT_TICKED and bool(pdfium.FPDFAnnot_IsChecked(form, annotation))
        return label if ticked else ""
    return f"{label}: {value}" if label and value else value


def _string(call: Any) -> str:
    """What PDFium writes as UTF-16 with a zero at its end, bounded."""
    size = call(None, 0)
    if not 2 < size <= _MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    call(ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", errors="replace")


def _box(annotation: Any, shown: frame.Frame, number: int) -> document_pb2.BoundingBox:
    rect = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, rect)
    left, top, right, bottom = shown.placed((rect.left, rect.bottom, rect.right, rect.top))
    return document_pb2.BoundingBox(page=number, left=left, top=top, right=right, bottom=bottom)
