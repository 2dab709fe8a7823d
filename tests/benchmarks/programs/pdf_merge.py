"""A document service: pypdf merges and stamps files whose pages hold scanned images.

Readers, writers and their objects refer to one another, and each object holds
the bytes of its stream: a few thousand cyclic objects that die keep megabytes.
"""

from __future__ import annotations

import io
from random import Random

from command import run
from pypdf import PdfReader, PdfWriter, Transformation
from pypdf.generic import DictionaryObject, NameObject, NumberObject, StreamObject

JOBS = 60
SOURCES = 8
MOST_PAGES = 24  # of a source
FEWEST_BYTES, MOST_BYTES = 10_000, 120_000  # of a scanned image


def image(choice: Random) -> StreamObject:
    size = choice.randint(FEWEST_BYTES, MOST_BYTES)
    scan = StreamObject()
    scan.set_data(choice.randbytes(size))
    about = {"/Type": "/XObject", "/Subtype": "/Image", "/ColorSpace": "/DeviceGray"}
    scan.update({NameObject(name): NameObject(value) for name, value in about.items()})
    sides = {"/Width": size // 100, "/Height": 100, "/BitsPerComponent": 8}
    scan.update({NameObject(name): NumberObject(value) for name, value in sides.items()})
    return scan


def source(choice: Random) -> bytes:
    """A file of some pages, each with a scan and a few hundred drawing commands."""
    writer, out = PdfWriter(), io.BytesIO()
    for _ in range(choice.randint(4, MOST_PAGES)):
        page = writer.add_blank_page(595, 842)
        drawn = StreamObject()
        lines = "".join(f"{x} {x + 5} m {x * 2} 90 l S\n" for x in range(choice.randint(20, 120)))
        drawn.set_data(f"q 595 0 0 842 0 0 cm /Scan Do Q\n{lines}".encode())
        page[NameObject("/Contents")] = writer._add_object(drawn)
        scans = DictionaryObject({NameObject("/Scan"): writer._add_object(image(choice))})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): scans})
    writer.write(out)
    return out.getvalue()


def merge(sources: list[bytes], stamp: bytes) -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    mark = PdfReader(io.BytesIO(stamp)).pages[0]
    for each in sources:
        for page in PdfReader(io.BytesIO(each)).pages:
            writer.add_page(page).merge_transformed_page(mark, Transformation().scale(0.1))
    writer.add_outline_item(title="first", page_number=0)
    writer.write(out)
    return out.getvalue()


def main(scale: float, seed: int) -> None:
    choice = Random(seed)
    sources = [source(choice) for _ in range(SOURCES)]
    for _ in range(max(1, round(JOBS * scale))):
        merge(choice.choices(sources, k=choice.randint(1, 3)), choice.choice(sources))


if __name__ == "__main__":
    run(main)
