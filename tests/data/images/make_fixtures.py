"""Writes the files of tests/images/image_formats_test.cpp, each by a program that people use, and what Pillow reads.

python3 make_fixtures.py, in this folder, with Pillow 13.0, NumPy, tifffile, imagecodecs, OpenCV, pyvips, rasterio,
pygame, imageio-ffmpeg from PyPI, and the Debian packages webp, libtiff-tools, netpbm, gifsicle, giflib-tools,
imagemagick, graphicsmagick and a JDK. A folder per format holds the files; FORMAT.safetensors beside it holds for each
file FILE a tensor [H, W, 5] of bytes: red, green, blue, alpha and luma. They are what Pillow gives as RGBA and as L.
Where our rule is another one (16 bits are rounded, Pillow takes the upper byte or clips) or Pillow has a fault, the
expected pixels are made here with NumPy from what was written, and the line that makes the file says why. A tensor
labels/FILE [H, W] holds palette indices or stored grey values, for each file that is a map of labels.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import cv2
import imagecodecs
import imageio_ffmpeg
import numpy as np
import pygame
import pyvips
import rasterio
import tifffile
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
WORK = pathlib.Path(tempfile.mkdtemp())
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
expected = {}  # format -> file -> pixels


def scene(width, height, seed=0):
    """RGB with gradients, edges, flat parts and noise."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(seed).integers(0, 30, (height, width, 3))
    picture = np.stack([x * 225 // width, y * 225 // height, (x + 2 * y) % 200], -1) + noise
    picture[height // 3 : height // 2, width // 4 : width // 2] = [250, 20, 90]
    return picture.astype(np.uint8)


def ramp(width, height):
    """Alpha with all of 0, 255 and values between."""
    y, x = np.mgrid[:height, :width]
    return np.clip((x - 2) * 300 // width + y, 0, 255).astype(np.uint8)


def with_alpha(picture):
    return np.dstack([picture, ramp(picture.shape[1], picture.shape[0])])


def luma(picture):
    return np.array(Image.fromarray(picture).convert("L"))


def levels(width, height, largest):
    """Grey or RGB samples up to `largest`, with both ends."""
    values = np.random.default_rng(largest).integers(0, largest + 1, (height, width, 3))
    values[0, 0], values[-1, -1] = 0, largest
    return values


def indexed(picture, colours):
    return Image.fromarray(picture).quantize(colours)


def png(name, picture):
    """An input for other programs."""
    path = WORK / name
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path)
    return path


def tool(*command, stdout=None, stdin=None):
    output = open(stdout, "wb") if stdout else subprocess.DEVNULL
    source = open(stdin, "rb") if stdin else None
    subprocess.run([str(part) for part in command], check=True, stdout=output, stdin=source, stderr=subprocess.DEVNULL)


def ffmpeg(source, target, *options):
    tool(FFMPEG, "-y", "-i", source, "-fflags", "+bitexact", "-flags:v", "+bitexact", *options, target)


def five(rgba, grey):
    return np.dstack([rgba, grey]).astype(np.uint8)


def rounded(values, largest=65535):
    """What our rule makes of samples up to `largest`: [H, W] or [H, W, 3] -> the five channels."""
    values = np.rint(values.astype(np.float64) / largest * 255).astype(np.uint8)
    if values.ndim == 2:
        values = np.dstack([values] * 3)
    return five(np.dstack([values, np.full(values.shape[:2], 255, np.uint8)]), luma(values))


def labels_of(file):
    """Palette indices or stored values of grey, or None where the file holds neither."""
    with Image.open(file) as image:
        kind, mode, values = file.parent.name, image.mode, np.array(image)
        if mode not in ("1", "P", "L", "LA") or kind == "webp" or image.info.get("compression") == "jpeg":
            return None
        if kind == "gif" and Image.open(file).tile[0].extents != (0, 0, *image.size):
            return None  # there are no labels around the frame
        largest = 255
        if kind == "tiff" and mode == "L":
            largest = 2 ** image.tag_v2[258][0] - 1
        if kind == "pnm" and mode == "L":
            largest = int(
                [
                    word
                    for line in file.read_bytes()[:100].decode("latin1").splitlines()
                    for word in line.split("#")[0].split()
                ][3]
            )
        values = values[..., 0] if mode == "LA" else values
        return np.rint(values / 255 * largest).astype(np.uint8) if largest < 255 else values.astype(np.uint8)


def taken(file, pixels=None, labels=None):
    """Keeps what Pillow reads of the file, or `pixels` and `labels` where that is not what is expected."""
    if pixels is None:
        with Image.open(file) as image:
            if image.mode.startswith("I"):
                raise ValueError(f"{file}: 16 bits need pixels")
            pixels = five(np.array(image.convert("RGBA")), np.array(image.convert("RGB").convert("L")))
            if image.mode not in ("RGBA", "LA", "La"):
                assert (np.array(image.convert("L")) == pixels[..., 4]).all(), file
        labels = labels_of(file)
    tensors = expected.setdefault(file.parent.name, {})
    tensors[file.name] = pixels
    if labels is not None:
        tensors["labels/" + file.name] = labels.astype(np.uint8)


def write_expected(kind):
    """The safetensors format: length of the header, header, bytes."""
    header, data = {}, b""
    for name, pixels in sorted(expected[kind].items()):
        header[name] = {
            "dtype": "U8",
            "shape": list(pixels.shape),
            "data_offsets": [len(data), len(data) + pixels.size],
        }
        data += pixels.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (HERE / f"{kind}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def java(source_lines):
    """Runs statements with `read(path)` and ImageIO at hand."""
    (WORK / "Write.java").write_text("""
import java.awt.*; import java.awt.image.*; import java.io.*; import javax.imageio.*; import javax.imageio.stream.*;
public class Write {
  static BufferedImage as(String path, int type) throws Exception {
    BufferedImage in = ImageIO.read(new File(path)), out = new BufferedImage(in.getWidth(), in.getHeight(), type);
    out.getGraphics().drawImage(in, 0, 0, null);
    return out;
  }
  static void write(BufferedImage image, String format, String compression, String path) throws Exception {
    ImageWriter writer = ImageIO.getImageWritersByFormatName(format).next();
    ImageWriteParam how = writer.getDefaultWriteParam();
    if (compression != null) {
      how.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      how.setCompressionType(compression);
    }
    try (ImageOutputStream out = ImageIO.createImageOutputStream(new File(path))) {
      writer.setOutput(out); writer.write(null, new IIOImage(image, null, null), how);
    }
  }
  public static void main(String[] a) throws Exception {
    %s
  }
}""" % source_lines)
    tool("java", "-Djava.awt.headless=true", WORK / "Write.java")


def make_webp(folder):
    rgb, odd, dot = png("rgb.png", scene(32, 20, 1)), png("odd.png", scene(17, 11, 2)), png("dot.png", scene(1, 1, 3))
    rgba = png("rgba.png", with_alpha(scene(21, 13, 4)))
    for name, options, source in [
        ("cwebp_q10", ["-q", 10], rgb),
        ("cwebp_q75", ["-q", 75], rgb),
        ("cwebp_q100", ["-q", 100], odd),
        ("cwebp_one_segment", ["-segments", 1, "-f", 0], odd),
        ("cwebp_strong_filter", ["-f", 100, "-strong"], rgb),
        ("cwebp_sharp_yuv", ["-sharp_yuv"], odd),
        ("cwebp_dot", [], dot),
        ("cwebp_lossy_alpha", ["-q", 60], rgba),
        ("cwebp_alpha_q20", ["-alpha_q", 20], rgba),
        ("cwebp_alpha_raw", ["-alpha_method", 0], rgba),
        ("cwebp_lossless", ["-lossless"], rgb),
        ("cwebp_lossless_fast", ["-lossless", "-z", 0], odd),
        ("cwebp_lossless_best", ["-lossless", "-z", 9], odd),
        ("cwebp_lossless_dot", ["-lossless"], dot),
        ("cwebp_lossless_exact", ["-lossless", "-exact"], rgba),
        ("cwebp_lossless_alpha", ["-lossless"], rgba),
        ("cwebp_near_lossless", ["-near_lossless", 40], rgb),
    ]:
        tool("cwebp", *options, source, "-o", folder / f"{name}.webp")
    palette = png("sixteen.png", indexed(scene(19, 12, 5), 16))
    tool("cwebp", "-lossless", palette, "-o", folder / "cwebp_palette.webp")
    picture = Image.fromarray(scene(23, 15, 6))
    picture.save(folder / "pillow_lossy.webp", quality=40, method=6)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation, which nobody applies on reading
    picture.save(folder / "pillow_turned.webp", exif=exif, xmp=b"<x/>", icc_profile=b"none")
    Image.fromarray(with_alpha(scene(23, 15, 7))).save(folder / "pillow_alpha.webp", lossless=True, exact=True)
    frames = [Image.fromarray(with_alpha(scene(14, 10, seed))) for seed in (8, 9, 10)]
    frames[0].save(folder / "pillow_animated.webp", save_all=True, append_images=frames[1:], lossless=True)
    opaque = [Image.fromarray(scene(14, 10, seed)) for seed in (11, 12)]
    opaque[0].save(folder / "pillow_animated_lossy.webp", save_all=True, append_images=opaque[1:], quality=70)
    # The first frame does not fill the canvas, which the second one makes.
    small, large = WORK / "small.webp", WORK / "large.webp"
    tool("cwebp", "-lossless", png("small.png", scene(6, 5, 13)), "-o", small)
    tool("cwebp", "-lossless", png("large.png", scene(18, 12, 14)), "-o", large)
    tool("webpmux", "-frame", small, "+100+4+2", "-frame", large, "+100", "-o", folder / "webpmux_offset.webp")
    tool("cwebp", "-q", 50, png("small_alpha.png", with_alpha(scene(6, 5, 15))), "-o", small)
    tool(
        "webpmux",
        "-frame",
        small,
        "+100+2+4+1-b",
        "-frame",
        large,
        "+100",
        "-bgcolor",
        "255,10,20,30",
        "-o",
        folder / "webpmux_offset_alpha.webp",
    )
    gif = WORK / "two.gif"
    indexed(scene(16, 9, 16), 32).save(gif, save_all=True, append_images=[indexed(scene(16, 9, 17), 32)])
    tool("gif2webp", gif, "-o", folder / "gif2webp.webp")
    tool("gif2webp", "-lossy", gif, "-o", folder / "gif2webp_lossy.webp")
    tool("img2webp", "-lossy", rgb, "-d", 50, "-lossless", rgb, "-o", folder / "img2webp.webp")
    tool("convert", rgba, "-quality", 55, folder / "imagemagick_alpha.webp")
    tool("convert", odd, "-define", "webp:lossless=true", folder / "imagemagick_lossless.webp")
    cv2.imwrite(str(folder / "opencv.webp"), scene(20, 14, 18), [cv2.IMWRITE_WEBP_QUALITY, 80])
    cv2.imwrite(str(folder / "opencv_lossless_alpha.webp"), with_alpha(scene(20, 14, 19)))
    pyvips.Image.new_from_array(scene(15, 15, 20)).webpsave(str(folder / "vips.webp"), Q=65, strip=True)
    ffmpeg(odd, folder / "ffmpeg.webp", "-pix_fmt", "yuv420p", "-c:v", "libwebp", "-quality", "60")
    ffmpeg(rgba, folder / "ffmpeg_lossless.webp", "-c:v", "libwebp", "-lossless", "1")
    (folder / "imagecodecs.webp").write_bytes(imagecodecs.webp_encode(scene(12, 18, 21), level=85))


def bmp_by_hand(width, height, bits, pixels, header_size=40, compression=0, palette=b"", masks=b"", colours=0):
    """A BMP of any header; `palette` as stored."""
    if header_size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack(
            "<IiiHHIIiiII", header_size, width, height, 1, bits, compression, len(pixels), 0, 0, colours, 0
        )
        header = header[:header_size]
        if header_size >= 52:
            header += masks
            header += bytes(header_size - len(header))
            masks = b""
        header += bytes(max(0, header_size - len(header)))
    offset = 14 + len(header) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + header + masks + palette + pixels


def rows_of(values, row_bytes):
    """Bottom-up rows of bytes, filled up to four."""
    return b"".join(bytes(row) + bytes(-row_bytes % 4) for row in values[::-1])


def make_bmp(folder):
    rgb, rgba = scene(19, 11, 1), with_alpha(scene(18, 9, 2))
    rgb_png, rgba_png, palette_png = png("rgb.png", rgb), png("rgba.png", rgba), png("palette.png", indexed(rgb, 60))
    bits_png = png("bits.png", Image.fromarray(rgb).convert("1"))
    sixteen = indexed(scene(13, 10, 3), 16)
    Image.fromarray(rgb).save(folder / "pillow_rgb.bmp")
    Image.fromarray(rgba).save(folder / "pillow_rgba.bmp")
    Image.fromarray(luma(rgb)).save(folder / "pillow_grey.bmp")
    Image.fromarray(rgb).convert("1").save(folder / "pillow_bits.bmp")
    indexed(rgb, 200).save(folder / "pillow_palette.bmp")
    tool("convert", rgb_png, "BMP2:" + str(folder / "imagemagick_os2.bmp"))
    tool("convert", rgb_png, "BMP3:" + str(folder / "imagemagick_v3.bmp"))
    tool("convert", rgba_png, "BMP:" + str(folder / "imagemagick_v5_alpha.bmp"))
    tool("convert", palette_png, "-type", "Palette", "BMP3:" + str(folder / "imagemagick_palette.bmp"))
    tool("convert", palette_png, "-type", "Palette", "-compress", "RLE", "BMP3:" + str(folder / "imagemagick_rle.bmp"))
    tool("convert", bits_png, "-monochrome", "BMP3:" + str(folder / "imagemagick_bits.bmp"))
    tool("convert", rgb_png, "-define", "bmp:subtype=RGB565", "BMP:" + str(folder / "imagemagick_565.bmp"))
    tool("convert", rgb_png, "-define", "bmp:subtype=RGB555", "BMP:" + str(folder / "imagemagick_555.bmp"))
    tool("gm", "convert", rgb_png, folder / "graphicsmagick.bmp")
    tool("gm", "convert", palette_png, "-type", "Palette", "-compress", "RLE", folder / "graphicsmagick_rle.bmp")
    ppm = png("rgb.ppm", rgb)
    few = png("few.ppm", sixteen.convert("RGB"))
    pbm = png("bits.pbm", Image.fromarray(rgb).convert("1"))
    tool("ppmtobmp", "-os2", "-bpp", 8, few, stdout=folder / "netpbm_os2_8.bmp")
    tool("ppmtobmp", "-windows", "-bpp", 4, few, stdout=folder / "netpbm_windows_4.bmp")
    tool("ppmtobmp", "-windows", ppm, stdout=folder / "netpbm_windows_24.bmp")
    tool("ppmtobmp", "-os2", "-bpp", 1, pbm, stdout=folder / "netpbm_os2_1.bmp")
    for pixel in ("bgra", "bgr24", "rgb565le", "rgb555le", "rgb444le", "gray", "monob"):
        ffmpeg(rgb_png, folder / f"ffmpeg_{pixel}.bmp", "-pix_fmt", pixel)
    ffmpeg(palette_png, folder / "ffmpeg_pal8.bmp", "-pix_fmt", "pal8")
    cv2.imwrite(str(folder / "opencv_alpha.bmp"), rgba)
    cv2.imwrite(str(folder / "opencv_grey.bmp"), luma(rgb))
    pygame.image.save(pygame.image.frombuffer(rgba.tobytes(), (18, 9), "RGBA"), str(folder / "sdl_alpha.bmp"))
    pygame.image.save(pygame.image.frombuffer(rgb.tobytes(), (19, 11), "RGB"), str(folder / "sdl.bmp"))
    (folder / "imagecodecs_rgb.bmp").write_bytes(imagecodecs.bmp_encode(rgb))
    with rasterio.open(folder / "gdal.bmp", "w", driver="BMP", width=19, height=11, count=3, dtype="uint8") as out:
        out.write(rgb.transpose(2, 0, 1))
    java(f"""
    String rgb = "{rgb_png}", bits = "{bits_png}", eight = "{palette_png}", to = "{folder}/java_";
    write(as(rgb, BufferedImage.TYPE_INT_RGB), "bmp", null, to + "rgb.bmp");
    write(as(rgb, BufferedImage.TYPE_USHORT_565_RGB), "bmp", "BI_BITFIELDS", to + "565.bmp");
    write(as(rgb, BufferedImage.TYPE_USHORT_555_RGB), "bmp", "BI_RGB", to + "555.bmp");
    write(ImageIO.read(new File(eight)), "bmp", "BI_RLE8", to + "rle8.bmp");
    write(as(bits, BufferedImage.TYPE_BYTE_BINARY), "bmp", null, to + "bits.bmp");
    ImageWriter writer = ImageIO.getImageWritersByFormatName("bmp").next();
    var how = (javax.imageio.plugins.bmp.BMPImageWriteParam) writer.getDefaultWriteParam();
    how.setTopDown(true);
    try (ImageOutputStream out = ImageIO.createImageOutputStream(new File(to + "top_down.bmp"))) {{
      writer.setOutput(out); writer.write(null, new IIOImage(as(rgb, BufferedImage.TYPE_3BYTE_BGR), null, null), how);
    }}""")
    # Pillow reads no four bits a colour.
    raw = WORK / "444.raw"
    ffmpeg(rgb_png, raw, "-pix_fmt", "rgb444le", "-f", "rawvideo")
    pixels = np.frombuffer(raw.read_bytes(), "<u2").reshape(11, 19, 1) >> np.array([8, 4, 0]) & 15
    own = {"ffmpeg_rgb444le.bmp": (rounded(pixels, 15),)}
    # Headers that few programs write today.
    ids = np.array(sixteen)
    colours = np.array(sixteen.getpalette()[:48], np.uint8).reshape(-1, 3)
    triples = colours[:, ::-1].tobytes()
    quads = np.hstack([colours[:, ::-1], np.zeros((16, 1), np.uint8)]).tobytes()
    core = bmp_by_hand(13, 10, 8, rows_of(ids, 13), 12, palette=triples + bytes(3 * 240))
    (folder / "hand_core_8.bmp").write_bytes(core)
    (folder / "hand_os2_64.bmp").write_bytes(bmp_by_hand(13, 10, 8, rows_of(ids, 13), 64, palette=quads, colours=16))
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    bgra = rgba[..., [2, 1, 0, 3]].reshape(9, -1)
    (folder / "hand_v2.bmp").write_bytes(bmp_by_hand(18, 9, 32, rows_of(bgra, 72), 52, 3, masks=masks[:12]))
    (folder / "hand_v3.bmp").write_bytes(bmp_by_hand(18, 9, 32, rows_of(bgra, 72), 56, 3, masks=masks))
    (folder / "hand_v4.bmp").write_bytes(bmp_by_hand(18, 9, 32, rows_of(bgra, 72), 108, 3, masks=masks))
    (folder / "hand_40_masks.bmp").write_bytes(bmp_by_hand(18, 9, 32, rows_of(bgra, 72), 40, 3, masks=masks[:12]))
    (folder / "hand_no_masks.bmp").write_bytes(bmp_by_hand(18, 9, 32, rows_of(bgra, 72), 56, 3, masks=bytes(16)))
    # Runs and literals of both parities, a move, the end of a line and of the bitmap, on 12 x 4.
    codes = bytes([5, 1, 0, 3, 2, 3, 4, 0, 4, 5, 0, 0, 2, 7, 0, 2, 3, 1, 3, 8, 0, 0, 0, 4, 9, 9, 1, 1, 8, 2, 0, 1])
    full = np.random.default_rng(4).integers(0, 256, (256, 4), np.uint8)
    full[:, 3] = 0
    (folder / "hand_rle8_moves.bmp").write_bytes(
        bmp_by_hand(12, 4, 8, codes, 40, 1, palette=full.tobytes(), colours=256)
    )
    codes = bytes([5, 0x12, 0, 5, 0x34, 0x56, 0x70, 0, 2, 0x88, 0, 0, 0, 3, 0x9A, 0xB0, 9, 0xCD, 0, 0, 12, 0xEF, 0, 1])
    (folder / "hand_rle4.bmp").write_bytes(bmp_by_hand(12, 3, 4, codes, 40, 2, palette=quads, colours=16))
    # Pillow takes eight bits a pixel with two colours, black and white, for one bit a pixel.
    two = (np.random.default_rng(5).random((6, 9)) < 0.5).astype(np.uint8)
    file = folder / "hand_8_of_two.bmp"
    file.write_bytes(bmp_by_hand(9, 6, 8, rows_of(two, 9), palette=bytes([0, 0, 0, 0, 255, 255, 255, 0]), colours=2))
    own[file.name] = rounded(two, 1), two
    # Pillow reads no two bits a pixel.
    file = folder / "hand_2.bmp"
    quarter = ids % 4
    packed = np.pad(quarter, ((0, 0), (0, 3))).reshape(10, 4, 4) @ np.array([64, 16, 4, 1])
    file.write_bytes(bmp_by_hand(13, 10, 2, rows_of(packed.astype(np.uint8), 4), palette=quads[:16], colours=4))
    own[file.name] = rounded(colours[quarter], 255), quarter
    # Pillow passes over empty lines of run-length codes (0 0 at the start of a line).
    file = folder / "hand_rle8_empty_line.bmp"
    file.write_bytes(
        bmp_by_hand(4, 3, 8, bytes([4, 1, 0, 0, 0, 0, 4, 3, 0, 0, 0, 1]), 40, 1, palette=full.tobytes(), colours=256)
    )
    index = np.array([[3] * 4, [0] * 4, [1] * 4])
    own[file.name] = rounded(full[index][..., 2::-1], 255), index
    return own


def make_gif(folder):
    rgb = scene(22, 14, 1)
    many, few = indexed(rgb, 250), indexed(rgb, 5)
    many_png, few_png = png("many.png", many), png("few.png", few)
    see_through = many.copy()
    see_through.info["transparency"] = 7
    see_png = WORK / "see.png"
    see_through.save(see_png, transparency=7)
    many.save(folder / "pillow.gif")
    many.save(folder / "pillow_interlaced.gif", interlace=1)
    see_through.save(folder / "pillow_transparent.gif", transparency=7)
    Image.fromarray(luma(rgb)).save(folder / "pillow_grey.gif")
    Image.fromarray(rgb).convert("1").save(folder / "pillow_bits.gif")
    frames = [indexed(scene(22, 14, seed), 30) for seed in (2, 3)]
    many.save(folder / "pillow_animated.gif", save_all=True, append_images=frames, duration=50, loop=0)
    Image.new("P", (1, 1)).save(folder / "pillow_dot.gif")
    tool("convert", many_png, folder / "imagemagick.gif")
    tool("convert", see_png, "-interlace", "GIF", folder / "imagemagick_transparent_interlaced.gif")
    tool("convert", few_png, "-repage", "30x20+5+3", folder / "imagemagick_offset.gif")
    tool("convert", see_png, "-repage", "30x20+5+3", folder / "imagemagick_offset_transparent.gif")
    tool("convert", few_png, "-repage", "10x10+4+0", folder / "imagemagick_over_the_edge.gif")
    tool("convert", many_png, few_png, "-loop", 0, folder / "imagemagick_animated.gif")
    tool("convert", few_png, "-comment", "a comment", folder / "imagemagick_comment.gif")
    tool("gm", "convert", few_png, folder / "graphicsmagick.gif")
    ppm = png("many.ppm", many.convert("RGB"))
    tool("pamtogif", ppm, stdout=folder / "netpbm.gif")
    tool("pamtogif", "-interlace", ppm, stdout=folder / "netpbm_interlaced.gif")
    tool("pamtogif", "-noclear", ppm, stdout=folder / "netpbm_noclear.gif")
    tool("pamtogif", "-nolzw", ppm, stdout=folder / "netpbm_nolzw.gif")
    base = folder / "pillow_animated.gif"
    tool("gifsicle", base, "-o", folder / "gifsicle.gif")
    tool("gifsicle", "-O3", base, "-o", folder / "gifsicle_o3.gif")
    tool("gifsicle", "--interlace", "--crop", "3,2+11x9", base, "-o", folder / "gifsicle_cropped.gif")
    tool("gifsicle", "--crop", "3,2+11x9", "--logical-screen", "20x15", base, "-o", folder / "gifsicle_screen.gif")
    tool("gifsicle", "--colors", 4, base, "-o", folder / "gifsicle_four.gif")
    tool(
        "gifsicle",
        "--position",
        "4,3",
        "--logical-screen",
        "31x21",
        folder / "pillow_transparent.gif",
        base,
        "-o",
        folder / "gifsicle_local_palettes.gif",
    )
    tool("gifsicle", "-t", "#FFFFFF", folder / "pillow_bits.gif", "-o", folder / "gifsicle_transparent.gif")
    ffmpeg(many_png, folder / "ffmpeg.gif")
    ffmpeg(see_png, folder / "ffmpeg_transparent.gif")
    cv2.imwrite(str(folder / "opencv.gif"), rgb)
    pyvips.Image.new_from_array(with_alpha(rgb)).gifsave(str(folder / "vips_alpha.gif"))
    pyvips.Image.new_from_array(rgb).gifsave(str(folder / "vips_interlaced.gif"), interlace=True)
    (folder / "imagecodecs.gif").write_bytes(imagecodecs.gif_encode(luma(rgb)))
    with rasterio.open(folder / "gdal.gif", "w", driver="GIF", width=22, height=14, count=1, dtype="uint8") as out:
        out.write(np.array(many), 1)
    java(f"""
    write(ImageIO.read(new File("{many_png}")), "gif", null, "{folder}/java.gif");""")
    tool("gifbuild", "-d", folder / "pillow.gif", stdout=WORK / "text")
    tool("gifbuild", WORK / "text", stdout=folder / "giflib.gif")


def make_tiff(folder):
    rgb, rgba = scene(21, 13, 1), with_alpha(scene(20, 11, 2))
    grey, bits, palette = luma(rgb), Image.fromarray(rgb).convert("1"), indexed(rgb, 40)
    rgb_png, rgba_png, palette_png = png("rgb.png", rgb), png("rgba.png", rgba), png("palette.png", palette)
    deep, deep_grey = levels(15, 9, 65535).astype(np.uint16), levels(14, 8, 65535)[..., 0].astype(np.uint16)
    own = {}

    def deeper(name, values, largest=65535):
        own[name] = (rounded(values, largest),)
        return folder / name

    Image.fromarray(rgb).save(folder / "pillow_rgb.tif")
    Image.fromarray(rgba).save(folder / "pillow_rgba_lzw.tif", compression="tiff_lzw")
    Image.fromarray(grey).save(folder / "pillow_grey_packbits.tif", compression="packbits")
    bits.save(folder / "pillow_bits_group4.tif", compression="group4")
    bits.save(folder / "pillow_bits.tif")
    palette.save(folder / "pillow_palette.tif")
    Image.fromarray(rgb).convert("CMYK").save(folder / "pillow_cmyk_deflate.tif", compression="tiff_adobe_deflate")
    Image.fromarray(rgb).save(folder / "pillow_jpeg.tif", compression="jpeg", quality=80)
    Image.fromarray(rgb).save(folder / "pillow_lzma.tif", compression="lzma")
    Image.fromarray(rgb).save(folder / "pillow_pages.tif", save_all=True, append_images=[Image.fromarray(grey)])
    # Pillow would clip 16-bit grey and take the upper byte of 16-bit colours.
    Image.fromarray(deep_grey).save(deeper("pillow_16.tif", deep_grey))
    plain = dict(metadata=None, software=False)
    tifffile.imwrite(folder / "tifffile_tiles.tif", rgb, tile=(16, 16), **plain)
    tifffile.imwrite(
        folder / "tifffile_planes.tif", rgb.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", **plain
    )
    tifffile.imwrite(
        folder / "tifffile_plane_tiles.tif",
        rgb.transpose(2, 0, 1),
        photometric="rgb",
        planarconfig="separate",
        tile=(16, 16),
        compression="zlib",
        **plain,
    )
    # Pillow does not recognise a BigTIFF of big-endian numbers.
    tifffile.imwrite(deeper("tifffile_big_endian_big.tif", rgb, 255), rgb, byteorder=">", bigtiff=True, **plain)
    tifffile.imwrite(folder / "tifffile_min_is_white.tif", grey, photometric="miniswhite", **plain)
    tifffile.imwrite(folder / "tifffile_predictor.tif", rgb, compression="lzw", predictor=True, rowsperstrip=4, **plain)
    tifffile.imwrite(folder / "tifffile_premultiplied.tif", rgba, extrasamples=["assocalpha"], **plain)
    tifffile.imwrite(
        folder / "tifffile_unspecified.tif", rgba, photometric="rgb", extrasamples=["unspecified"], **plain
    )
    tifffile.imwrite(
        folder / "tifffile_grey_alpha.tif",
        np.dstack([grey, ramp(21, 13)]),
        photometric="minisblack",
        extrasamples=["unassalpha"],
        planarconfig="contig",
        **plain,
    )
    tifffile.imwrite(folder / "tifffile_bool.tif", np.array(bits), **plain)
    tifffile.imwrite(folder / "tifffile_zstd.tif", rgb, compression="zstd", **plain)
    tifffile.imwrite(
        deeper("tifffile_16_big_endian.tif", deep), deep, byteorder=">", compression="zlib", predictor=True, **plain
    )
    tifffile.imwrite(
        deeper("tifffile_16_min_is_white.tif", 65535 - deep_grey), deep_grey, photometric="miniswhite", **plain
    )
    # tifffile leaves a default TIFF of [pages, H, W] as pages: the first is read.
    tifffile.imwrite(folder / "tifffile_pages.tif", np.stack([grey, 255 - grey]), photometric="minisblack", **plain)
    for turn in range(2, 9):
        tifffile.imwrite(
            folder / f"tifffile_turned_{turn}.tif",
            rgb[:5, :9],
            extratags=[(274, "H", 1, turn, True)],
            compression="zlib" if turn % 2 else None,
            **plain,
        )
    twelve = levels(13, 6, 4095)[..., 0]
    shifts = np.arange(11, -1, -1)
    packed = np.packbits((twelve[..., None] >> shifts & 1).reshape(6, -1), axis=1)
    with tifffile.TiffWriter(deeper("hand_12.tif", twelve, 4095)) as out:  # written as bytes, then described anew
        out.write(packed, photometric="minisblack", rowsperstrip=6, **plain)
    described = bytearray((folder / "hand_12.tif").read_bytes())
    for tag, value in ((256, 13), (258, 12)):
        at = described.index(struct.pack("<HH", tag, 3 if tag == 258 else 4))
        described[at + 8 : at + 12] = struct.pack("<I", value)
    (folder / "hand_12.tif").write_bytes(described)
    os.chdir(folder)  # ImageMagick stores the name it was given
    tool("convert", rgb_png, "-strip", "-compress", "LZW", "imagemagick_lzw.tif")
    tool("convert", rgba_png, "-strip", "-compress", "Zip", "imagemagick_alpha_zip.tif")
    tool("convert", rgb_png, "-strip", "-colorspace", "CMYK", "-compress", "None", "imagemagick_cmyk.tif")
    tool(
        "convert",
        rgb_png,
        "-strip",
        "-endian",
        "MSB",
        "-interlace",
        "plane",
        "-compress",
        "None",
        "imagemagick_planes_msb.tif",
    )
    tool("convert", palette_png, "-strip", "-type", "Palette", "-compress", "RLE", "imagemagick_palette_rle.tif")
    tool(
        "convert", rgb_png, "-strip", "-colorspace", "Gray", "-depth", "4", "-compress", "None", "imagemagick_grey4.tif"
    )
    tool("convert", rgb_png, "-strip", "-compress", "JPEG", "-quality", "85", "imagemagick_jpeg.tif")
    tool(
        "convert", rgb_png, "-strip", "-define", "tiff:tile-geometry=16x16", "-compress", "Zip", "imagemagick_tiles.tif"
    )
    tool("gm", "convert", rgb_png, "+profile", "*", "-compress", "Fax", "-monochrome", "graphicsmagick_fax.tif")
    tool("gm", "convert", palette_png, "+profile", "*", "graphicsmagick_palette.tif")
    os.chdir(HERE)
    # OpenCV writes 16 bits as they are; our rule rounds them.
    cv2.imwrite(str(deeper("opencv_16.tif", deep)), deep[..., ::-1])
    cv2.imwrite(str(folder / "opencv_rgba.tif"), rgba[..., [2, 1, 0, 3]])
    image = pyvips.Image.new_from_array(rgb)
    image.tiffsave(
        str(folder / "vips_pyramid_jpeg.tif"),
        compression="jpeg",
        tile=True,
        tile_width=16,
        tile_height=16,
        pyramid=True,
        Q=90,
    )
    image.tiffsave(str(folder / "vips_deflate_big.tif"), compression="deflate", predictor="horizontal", bigtiff=True)
    pyvips.Image.new_from_array(grey).tiffsave(str(folder / "vips_two_bits.tif"), bitdepth=2)
    pyvips.Image.new_from_array(grey).tiffsave(
        str(folder / "vips_bit_white.tif"), bitdepth=1, miniswhite=True, compression="ccittfax4"
    )
    for pixel, coding in (
        ("rgb24", "packbits"),
        ("gray", "raw"),
        ("pal8", "lzw"),
        ("monow", "raw"),
        ("rgba", "deflate"),
    ):
        ffmpeg(
            palette_png if pixel == "pal8" else rgba_png,
            folder / f"ffmpeg_{pixel}.tif",
            "-pix_fmt",
            pixel,
            "-compression_algo",
            coding,
        )
    with rasterio.open(
        folder / "gdal_lzw_tiles.tif",
        "w",
        driver="GTiff",
        width=21,
        height=13,
        count=3,
        dtype="uint8",
        tiled=True,
        blockxsize=16,
        blockysize=16,
        compress="lzw",
        interleave="band",
        photometric="RGB",
    ) as out:
        out.write(rgb.transpose(2, 0, 1))
    source = folder / "pillow_rgb.tif"
    tool("tiffcp", "-c", "lzw:2", "-p", "separate", source, folder / "tiffcp_planes_lzw.tif")
    tool("tiffcp", "-B", "-c", "zip", "-t", "-w", 16, "-l", 16, source, folder / "tiffcp_tiles_msb.tif")
    tool("tiffcp", "-f", "lsb2msb", "-c", "g3:2d", folder / "pillow_bits.tif", folder / "tiffcp_g3_lsb.tif")
    tool("tiffcp", "-f", "lsb2msb", "-c", "none", source, folder / "tiffcp_lsb.tif")
    tool("tiffcp", "-c", "jpeg:r:90", "-r", 16, source, folder / "tiffcp_jpeg_ycbcr.tif")
    tool("pamtotiff", "-lzw", stdin=png("rgb.ppm", rgb), stdout=folder / "netpbm_lzw.tif")
    tool("pamtotiff", "-packbits", stdin=png("bits.pbm", bits), stdout=folder / "netpbm_bits.tif")
    java(f"""
    write(as("{rgb_png}", BufferedImage.TYPE_3BYTE_BGR), "tiff", "Deflate", "{folder}/java_deflate.tif");
    write(as("{rgba_png}", BufferedImage.TYPE_4BYTE_ABGR), "tiff", "LZW", "{folder}/java_alpha_lzw.tif");
    write(as("{palette_png}", BufferedImage.TYPE_BYTE_BINARY), "tiff", "CCITT T.6", "{folder}/java_t6.tif");
    write(as("{rgb_png}", BufferedImage.TYPE_3BYTE_BGR), "tiff", "JPEG", "{folder}/java_jpeg.tif");""")
    return own


def make_pnm(folder):
    rgb, deep = scene(17, 10, 1), levels(13, 7, 65535)
    grey, bits = luma(rgb), Image.fromarray(rgb).convert("1")
    own = {}

    def deeper(name, values, largest=65535):
        own[name] = (rounded(values, largest),)
        return folder / name

    Image.fromarray(rgb).save(folder / "pillow.ppm")
    Image.fromarray(grey).save(folder / "pillow.pgm")
    bits.save(folder / "pillow.pbm")
    Image.fromarray(deep[..., 0].astype(np.uint16)).save(deeper("pillow_16.pgm", deep[..., 0]))
    ppm, pgm, pbm = folder / "pillow.ppm", folder / "pillow.pgm", folder / "pillow.pbm"
    for source in (ppm, pgm, pbm):
        tool("pnmtoplainpnm", source, stdout=folder / f"netpbm_plain{source.suffix}")
    for largest in (1, 15, 100, 254):
        tool("pamdepth", largest, ppm, stdout=folder / f"netpbm_{largest}.ppm")
    for largest in (7, 200):
        tool("pamdepth", largest, pgm, stdout=folder / f"netpbm_{largest}.pgm")
    tool("pamdepth", 1000, ppm, stdout=folder / "netpbm_1000.ppm")
    tool("pnmtoplainpnm", folder / "netpbm_1000.ppm", stdout=folder / "netpbm_1000_plain.ppm")
    # Grey of more than 255 levels: Pillow clips it, we round.
    tool("pamdepth", 1000, pgm, stdout=folder / "netpbm_1000.pgm")
    tool("pnmtoplainpnm", folder / "netpbm_1000.pgm", stdout=folder / "netpbm_1000_plain.pgm")
    text = (folder / "netpbm_1000_plain.pgm").read_text().split()
    deeper("netpbm_1000.pgm", np.array(text[4:], int).reshape(10, 17), 1000)
    own["netpbm_1000_plain.pgm"] = own["netpbm_1000.pgm"]
    rgb_png, bits_png = png("rgb.png", rgb), png("bits.png", bits)
    tool("convert", rgb_png, folder / "imagemagick.ppm")
    tool("convert", rgb_png, "-compress", "None", folder / "imagemagick_plain.ppm")
    tool("convert", bits_png, "-compress", "None", folder / "imagemagick_plain.pbm")
    tool("convert", rgb_png, "-set", "comment", "two\nlines", folder / "imagemagick_comment.ppm")
    tool("gm", "convert", rgb_png, "-colorspace", "Gray", folder / "graphicsmagick.pgm")
    tool("gm", "convert", bits_png, "-monochrome", folder / "graphicsmagick.pbm")
    cv2.imwrite(str(folder / "opencv.ppm"), rgb)
    cv2.imwrite(str(folder / "opencv_any.pnm"), grey)
    cv2.imwrite(str(folder / "opencv_plain.pgm"), grey, [cv2.IMWRITE_PXM_BINARY, 0])
    cv2.imwrite(str(folder / "opencv.pbm"), np.array(bits).astype(np.uint8) * 255)
    # 16 bits of colour: Pillow rounds here as we do.
    cv2.imwrite(str(folder / "opencv_16.ppm"), deep.astype(np.uint16))
    cv2.imwrite(str(deeper("opencv_16.pgm", deep[..., 1])), deep[..., 1].astype(np.uint16))
    ffmpeg(rgb_png, folder / "ffmpeg.ppm")
    ffmpeg(rgb_png, folder / "ffmpeg.pgm", "-pix_fmt", "gray")
    ffmpeg(rgb_png, folder / "ffmpeg.pbm", "-pix_fmt", "monow")
    ffmpeg(rgb_png, folder / "ffmpeg_16.ppm", "-pix_fmt", "rgb48be")
    with rasterio.open(folder / "gdal.ppm", "w", driver="PNM", width=17, height=10, count=3, dtype="uint8") as out:
        out.write(rgb.transpose(2, 0, 1))
    (folder / "hand_comments.ppm").write_bytes(
        b"P3 # kind\r\n# size\n2\t# width\n 2\n#depth\n9 # largest\n0 1 2 3\n4 5 # six\n6 7 8 9 9 9"
    )
    (folder / "hand_joined_bits.pbm").write_bytes(b"P1\n#\n5 2\n01101\n1 0010")
    (folder / "hand_several.pgm").write_bytes(b"P5\n2 1\n255\n\x07\xc8P5\n1 1\n255\n\x00")
    # A value above the largest one counts as that in a picture, and is no label.
    file = folder / "hand_above_largest.pgm"
    file.write_bytes(b"P5 3 1 100\n\x00\x64\xff")
    own[file.name] = (rounded(np.array([[0, 255, 255]]), 255),)
    return own


def main():
    for kind, make in (
        ("webp", make_webp),
        ("bmp", make_bmp),
        ("gif", make_gif),
        ("tiff", make_tiff),
        ("pnm", make_pnm),
    ):
        if len(sys.argv) > 1 and kind not in sys.argv[1:]:
            continue
        folder = HERE / kind
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        own = make(folder) or {}
        for file in sorted(folder.iterdir()):
            taken(file, *own.get(file.name, ()))
        write_expected(kind)
        print(kind, len(expected[kind]), "files,", sum(f.stat().st_size for f in folder.iterdir()), "bytes")


main()
