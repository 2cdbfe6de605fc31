"""GIF, BMP, TIFF and PNM files and transparent PNGs, with what Pillow's `convert("RGB")` makes of them.

    python3 scripts/golden/formats.py crates/vlp-data/tests/golden/formats

Needs numpy and Pillow 13.0.0. NAME.ENDING is the file, NAME.ENDING.png its pixels.
"""

import io
import os
import struct
import sys

import numpy as np
from PIL import Image


def picture(width=23, height=17):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 11 % 256, y * 15 % 256, (x * y) % 256], -1).astype(np.uint8)


def files():
    rgb = Image.fromarray(picture())
    alpha = ((np.mgrid[0:17, 0:23].sum(0) * 9) % 256).astype(np.uint8)
    rgba = Image.fromarray(np.dstack([picture(), alpha]))
    save = lambda image, kind, **options: (lambda b: (image.save(b, kind, **options), b.getvalue())[1])(io.BytesIO())

    yield "rgb.gif", save(rgb.quantize(64), "GIF")
    yield "transparent.gif", save(rgb.quantize(16), "GIF", transparency=3)
    yield "interlaced.gif", save(rgb.quantize(64), "GIF", interlace=1)
    yield "animated.gif", save(rgb.quantize(16), "GIF", save_all=True, append_images=[rgb.transpose(0).quantize(16)], duration=50, comment=b"x" * 300)
    yield "grey.gif", save(rgb.convert("L"), "GIF")
    for mode in ("RGB", "L", "P", "1"):
        yield f"{mode.lower()}.bmp", save(rgb.quantize(32) if mode == "P" else rgb.convert(mode), "BMP")
    raw = np.dstack([picture()[::-1, :, ::-1], alpha[::-1]]).tobytes()
    head = struct.pack("<IiiHHIIiiII", 40, 23, 17, 1, 32, 0, len(raw), 2835, 2835, 0, 0)
    yield "bgrx.bmp", b"BM" + struct.pack("<IHHI", 54 + len(raw), 0, 0, 54) + head + raw
    for mode in ("RGB", "L", "RGBA", "CMYK", "LA"):
        source = rgba if mode in ("RGBA", "LA") else rgb
        yield f"{mode.lower()}.tiff", save(source.convert(mode), "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield f"{compression}.tiff", save(rgb if compression != "jpeg" else rgb.convert("L"), "TIFF", compression=compression)
    yield "turned.tiff", save(rgb, "TIFF", tiffinfo={274: 6})
    yield "big_endian.tiff", big_endian()
    yield "palette.tiff", save(rgb.quantize(32), "TIFF")
    yield "bilevel.tiff", save(rgb.convert("1"), "TIFF", compression="group4")
    yield "rgb.ppm", save(rgb, "PPM")
    yield "grey.pgm", save(rgb.convert("L"), "PPM")
    yield "rgba.png", save(rgba, "PNG")
    yield "la.png", save(rgba.convert("LA"), "PNG")
    yield "palette_alpha.png", save(rgb.quantize(16), "PNG", transparency=bytes(range(0, 256, 16)))
    yield "keyed.png", save(rgb, "PNG", transparency=(0, 0, 0))
    yield "rgba.webp", save(rgba, "WEBP", lossless=True, exact=True)
    yield "rgb16.png", rgb16()


def big_endian():
    """Written by hand: one strip, big-endian, as Photoshop does."""
    pixels = picture().tobytes()
    tags = [(256, 3, 1, 23), (257, 3, 1, 17), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 8 + 2 + 9 * 12 + 4 + 6),
            (277, 3, 1, 3), (278, 3, 1, 17), (279, 4, 1, len(pixels))]
    out = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", len(tags))
    for tag, kind, count, value in tags:
        if tag == 258:
            out += struct.pack(">HHII", tag, kind, count, 8 + 2 + 9 * 12 + 4)
        else:
            out += struct.pack(">HHI", tag, kind, count) + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
    return out + struct.pack(">I", 0) + struct.pack(">HHH", 8, 8, 8) + pixels


def rgb16():
    """PNG of 16 bits a sample, which Pillow cannot write."""
    import zlib

    wide = picture().astype(np.uint16) * 257 + np.arange(23, dtype=np.uint16)[None, :, None] * 9
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in wide)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 23, 17, 16, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, data in files():
        path = os.path.join(sys.argv[1], name)
        with open(path, "wb") as file:
            file.write(data)
        image = Image.open(io.BytesIO(data))
        image.load()
        image.convert("RGB").save(path + ".png")


if __name__ == "__main__":
    main()
