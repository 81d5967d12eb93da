"""Writes the PNG fixtures of tests/images/png_test.cpp with nothing but zlib: python3 make_fixtures.py

Every image is 13 x 7. Sample c of pixel (x, y) is (x * 19 + y * 31 + c * 57) % levels, where levels is the number of
values that the bit depth has (16 bits: (x * 4099 + y * 257 + c * 1031) % 65536).
"""
import struct
import zlib

WIDTH, HEIGHT = 13, 7
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def value(x, y, c, depth):
    if depth == 16:
        return (x * 4099 + y * 257 + c * 1031) % 65536
    return (x * 19 + y * 31 + c * 57) % (1 << depth)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(xs, ys, channels, depth):
    out = b""
    for number, y in enumerate(ys):
        samples = [value(x, y, c, depth) for x in xs for c in range(channels)]
        if depth == 16:
            line = b"".join(struct.pack(">H", s) for s in samples)
        elif depth == 8:
            line = bytes(samples)
        else:
            bits = "".join(format(s, f"0{depth}b") for s in samples)
            bits += "0" * (-len(bits) % 8)
            line = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        step = max(1, channels * depth // 8)
        if number % 2:  # filter 1 (sub) on odd rows
            line = bytes([1]) + bytes((line[i] - (line[i - step] if i >= step else 0)) % 256 for i in range(len(line)))
        else:
            line = bytes([0]) + line
        out += line
    return out


def png(name, colour, depth, channels, extra=b"", interlace=False):
    if interlace:
        raw = b""
        for x0, y0, dx, dy in ADAM7:
            xs, ys = range(x0, WIDTH, dx), range(y0, HEIGHT, dy)
            if xs and ys:
                raw += rows(xs, ys, channels, depth)
    else:
        raw = rows(range(WIDTH), range(HEIGHT), channels, depth)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, int(interlace))
    with open(name + ".png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) +
                   chunk(b"IEND", b""))


# Entry i of the palette is (255 - i, i, i * 7 % 256); with transparency, entry i < 4 has alpha 60 * i.
palette = chunk(b"PLTE", bytes(v for i in range(16) for v in (255 - i, i, i * 7 % 256)))

png("grey1", 0, 1, 1)
png("grey4", 0, 4, 1)
png("grey8", 0, 8, 1)
png("grey16", 0, 16, 1)
png("grey_alpha", 4, 8, 2)
png("grey_transparent", 0, 8, 1, chunk(b"tRNS", struct.pack(">H", 19)))
png("rgb8", 2, 8, 3)
png("rgb8_gamma", 2, 8, 3, chunk(b"gAMA", struct.pack(">I", 100000)))
png("rgb8_interlaced", 2, 8, 3, interlace=True)
png("rgb16", 2, 16, 3)
png("rgba8", 6, 8, 4)
png("palette", 3, 4, 1, palette)
png("palette_transparent", 3, 4, 1, palette + chunk(b"tRNS", bytes(60 * i for i in range(4))))
