"""Writes the font fixtures of tests/datasets/emoji_test.cpp with fontTools: python3 make_fixtures.py

outline.ttf: a font with one black outline glyph, for U+1F600, and no colour bitmaps.
few.ttf: colour bitmaps (CBDT, 20 x 16 PNG) for U+1F600 (an opaque red square, 8 x 8, in the middle), for U+1F3F4
(a black flag), for U+1F680 (a damaged PNG) and for U+1F431 (a fully transparent one); nothing else.
"""
import struct
import zlib

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, pixel):
    raw = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def builder(characters):
    order = [".notdef"] + [f"u{c:X}" for c in characters]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(order)
    font.setupCharacterMap({c: f"u{c:X}" for c in characters})
    font.setupHorizontalMetrics({name: (1000, 0) for name in order})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Assay fixture", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    return font, order


def outline():
    font, order = builder([0x1F600])
    pen = TTGlyphPen(None)
    for command, point in (("moveTo", (0, 0)), ("lineTo", (900, 0)), ("lineTo", (450, 800))):
        getattr(pen, command)(point)
    pen.closePath()
    empty = TTGlyphPen(None).glyph()
    font.setupGlyf({name: pen.glyph() if name == order[1] else empty for name in order})
    font.save("outline.ttf")


def few():
    width, height = 20, 16
    inside = lambda x, y: 6 <= x < 14 and 4 <= y < 12
    square = png(width, height, lambda x, y: (255, 0, 0, 255) if inside(x, y) else (0, 0, 0, 0))
    flag = png(width, height, lambda x, y: (0, 0, 0, 255))
    nothing = png(width, height, lambda x, y: (255, 255, 255, 0))
    images = {0x1F431: nothing, 0x1F3F4: flag, 0x1F600: square, 0x1F680: square[:-30]}
    characters = sorted(images)
    font, order = builder(characters)

    # CBDT format 17: small metrics, length, PNG. CBLC index format 1 over all glyphs but .notdef.
    cbdt, offsets = struct.pack(">HH", 3, 0), []
    for c in characters:
        offsets.append(len(cbdt) - 4)
        cbdt += struct.pack(">BBbbBI", height, width, 0, 14, width, len(images[c])) + images[c]
    offsets.append(len(cbdt) - 4)
    sub = struct.pack(">HHI", 1, 17, 4) + b"".join(struct.pack(">I", o) for o in offsets)
    array = struct.pack(">HHI", 1, len(characters), 8) + sub
    line = struct.pack(">bbBbbbbbbbbb", 14, -2, width, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    cblc = struct.pack(">HHI", 3, 0, 1) + struct.pack(">IIII", 56, len(array), 1, 0) + line + line
    cblc += struct.pack(">HHBBBb", 1, len(characters), height, height, 32, 1) + array
    for tag, data in (("CBDT", cbdt), ("CBLC", cblc)):
        from fontTools.ttLib.tables.DefaultTable import DefaultTable
        table = DefaultTable(tag)
        table.data = data
        font.font[tag] = table
    font.save("few.ttf")


outline()
few()
