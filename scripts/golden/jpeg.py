"""JPEG files of every kind of sampling and scans, with the pixels that Pillow makes of them.

    python3 scripts/golden/jpeg.py FOLDER [--all]

Needs numpy and Pillow 13.0.0 (libjpeg-turbo). Without --all it writes the files that the tests of vlp-data hold
(crates/vlp-data/tests/golden/jpeg). Files that Pillow refuses have no .png beside them.
"""

import io
import itertools
import os
import sys

import numpy as np
from PIL import Image

ZIGZAG = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
          35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
          62, 63]
COSINES = np.array([[(0.5 ** 0.5 if u == 0 else 1.0) / 2 * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)])


def table(symbols, lengths):
    """Counts by length, and code and length of each symbol."""
    pairs = sorted(zip(lengths, range(len(symbols))))
    counts, code, last, codes, order = [0] * 16, 0, 0, {}, []
    for length, at in pairs:
        code <<= length - last
        last = length
        codes[symbols[at]] = (code, length)
        order.append(symbols[at])
        counts[length - 1] += 1
        code += 1
    return counts, order, codes


def tables(long):
    """A table of differences and one of coefficients: all symbols with about as many bits, or few short and many long ones."""
    if long:
        dc = table(list(range(12)), [2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
        ac = table(list(range(256)), [2] + [3] + [4] * 2 + [6] * 4 + [9] * 8 + [12] * 40 + [16] * 200)
    else:
        dc = table(list(range(12)), [4] * 12)
        ac = table(list(range(256)), [8] * 252 + [10] * 4)
    return dc, ac


class Bits:
    def __init__(self):
        self.bits = []

    def put(self, value, length):
        self.bits.extend((value >> (length - 1 - i)) & 1 for i in range(length))

    def bytes(self):
        bits = self.bits + [1] * (-len(self.bits) % 8)
        data = bytes(int("".join(map(str, bits[i:i + 8])), 2) for i in range(0, len(bits), 8))
        return data.replace(b"\xff", b"\xff\x00")


def size_of(value):
    return int(abs(value)).bit_length()


def put_number(bits, value, size):
    bits.put(value if value > 0 else value + (1 << size) - 1, size)


class Picture:
    def __init__(self, planes, factors, quality=4, ids=None, long=False):
        """planes: full-size arrays of the same size; factors: (h, v) of each."""
        self.height, self.width = planes[0].shape
        self.factors = factors
        self.ids = ids or list(range(1, len(planes) + 1))
        self.step = quality
        self.dc, self.ac = tables(long)
        self.most = [max(f[i] for f in factors) for i in (0, 1)]
        self.units = [-(-self.width // (8 * self.most[0])), -(-self.height // (8 * self.most[1]))]
        self.blocks, self.size = [], []
        for plane, (h, v) in zip(planes, factors):
            width, height = -(-self.width * h // self.most[0]), -(-self.height * v // self.most[1])
            xs = np.minimum((np.arange(width) * self.most[0]) // h, self.width - 1)
            ys = np.minimum((np.arange(height) * self.most[1]) // v, self.height - 1)
            small = plane[ys][:, xs].astype(float)
            across, down = self.units[0] * h, self.units[1] * v
            # What lies beyond the edge is unlike it, so that a decoder that looks there is found out.
            padded = np.full((down * 8, across * 8), 255.0 - small[-1, -1])
            padded[:height, :width] = small
            cut = padded.reshape(down, 8, across, 8).transpose(0, 2, 1, 3) - 128
            coefficients = np.rint(np.einsum("ux,abxy,vy->abuv", COSINES, cut, COSINES) / self.step).astype(int)
            self.blocks.append(coefficients.reshape(down, across, 64)[:, :, ZIGZAG])
            self.size.append((-(-width // 8), -(-height // 8)))

    def units_of(self, scan):
        """The blocks of each unit of a scan, as (component, block)."""
        if len(scan) == 1:
            c = scan[0]
            for y, x in itertools.product(range(self.size[c][1]), range(self.size[c][0])):
                yield [(c, self.blocks[c][y, x])]
            return
        for y, x in itertools.product(range(self.units[1]), range(self.units[0])):
            yield [(c, self.blocks[c][y * self.factors[c][1] + j, x * self.factors[c][0] + i])
                   for c in scan for j in range(self.factors[c][1]) for i in range(self.factors[c][0])]

    def head(self, progressive, restart):
        out = b"\xff\xd8\xff\xdb\x00\x43\x00" + bytes([self.step] * 64)
        out += b"\xff" + (b"\xc2" if progressive else b"\xc0") + (8 + 3 * len(self.factors)).to_bytes(2, "big") + b"\x08"
        out += self.height.to_bytes(2, "big") + self.width.to_bytes(2, "big") + bytes([len(self.factors)])
        out += b"".join(bytes([i, h << 4 | v, 0]) for i, (h, v) in zip(self.ids, self.factors))
        for kind, (counts, order, _) in ((0, self.dc), (16, self.ac)):
            out += b"\xff\xc4" + (19 + len(order)).to_bytes(2, "big") + bytes([kind] + counts + order)
        return out + (b"\xff\xdd\x00\x04" + restart.to_bytes(2, "big") if restart else b"")

    def scan_head(self, scan, first, last, high, low):
        out = b"\xff\xda" + (6 + 2 * len(scan)).to_bytes(2, "big") + bytes([len(scan)])
        return out + b"".join(bytes([self.ids[c], 0]) for c in scan) + bytes([first, last, high << 4 | low])

    def difference(self, bits, value):
        size = size_of(value)
        bits.put(*self.dc[2][size])
        if size:
            put_number(bits, value, size)

    def sequential(self, scans, restart=0, between=b""):
        out = self.head(False, restart)
        for scan in scans:
            out += between + self.scan_head(scan, 0, 63, 0, 0)
            bits, last, marker = Bits(), [0] * 4, 0
            for number, unit in enumerate(self.units_of(scan)):
                if restart and number and number % restart == 0:
                    out += bits.bytes() + bytes([0xff, 0xd0 + marker])
                    bits, last, marker = Bits(), [0] * 4, (marker + 1) % 8
                for c, block in unit:
                    self.difference(bits, int(block[0]) - last[c])
                    last[c] = int(block[0])
                    zeros = 0
                    for value in map(int, block[1:]):
                        if value == 0:
                            zeros += 1
                            continue
                        while zeros > 15:
                            bits.put(*self.ac[2][0xf0])
                            zeros -= 16
                        size = size_of(value)
                        bits.put(*self.ac[2][zeros << 4 | size])
                        put_number(bits, value, size)
                        zeros = 0
                    if zeros:
                        bits.put(*self.ac[2][0])
            out += bits.bytes()
        return out + b"\xff\xd9"

    def progressive(self, script, restart=0):
        """script: (components, first, last, high, low) of each scan."""
        out = self.head(True, restart)
        for scan, first, last, high, low in script:
            out += self.scan_head(scan, first, last, high, low)
            bits, before, marker, run = Bits(), [0] * 4, 0, [0, []]

            def end_run():
                if run[0]:
                    size = run[0].bit_length() - 1
                    bits.put(*self.ac[2][size << 4])
                    if size:
                        bits.put(run[0] - (1 << size), size)
                for bit in run[1]:
                    bits.put(bit, 1)
                run[0], run[1] = 0, []

            for number, unit in enumerate(self.units_of(scan)):
                if restart and number and number % restart == 0:
                    end_run()
                    out += bits.bytes() + bytes([0xff, 0xd0 + marker])
                    bits, before, marker = Bits(), [0] * 4, (marker + 1) % 8
                for c, block in unit:
                    if first == 0 and high == 0:
                        level = int(block[0]) >> low
                        self.difference(bits, level - before[c])
                        before[c] = level
                    elif first == 0:
                        bits.put(int(block[0]) >> low & 1, 1)
                    else:
                        band = [int(v) for v in block[first:last + 1]]
                        shifted = [(abs(v) >> low) * (1 if v > 0 else -1) for v in band]
                        self.band(bits, shifted, high, run, end_run)
            end_run()
            out += bits.bytes()
        return out + b"\xff\xd9"

    def band(self, bits, values, high, run, end_run):
        new = [i for i, v in enumerate(values) if v and (not high or abs(v) == 1)]
        zeros, held = 0, []
        for i, v in enumerate(values):
            if new and i <= new[-1]:
                if v == 0:
                    zeros += 1
                    if zeros == 16:
                        end_run()
                        bits.put(*self.ac[2][0xf0])
                        for bit in held:
                            bits.put(bit, 1)
                        zeros, held = 0, []
                elif high and abs(v) > 1:
                    held.append(abs(v) & 1)
                else:
                    end_run()
                    size = 1 if high else size_of(v)
                    bits.put(*self.ac[2][zeros << 4 | size])
                    put_number(bits, v, size) if not high else bits.put(int(v > 0), 1)
                    for bit in held:
                        bits.put(bit, 1)
                    zeros, held = 0, []
            elif high and v:
                held.append(abs(v) & 1)
        if not new or new[-1] + 1 < len(values):
            run[0] += 1
            run[1] += held
            if run[0] == 0x7fff or len(run[1]) > 900:
                end_run()


def planes(width, height, count, seed=0):
    """Smooth waves with some noise, different in each plane."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [128 + 70 * np.sin(x / (3.0 + c) + c) * np.cos(y / (4.0 + c)) + 6 * rng.standard_normal((height, width)) for c in range(count)]
    return [np.clip(np.rint(w), 0, 255) for w in waves]


FULL = [([0, 1, 2], 0, 0, 0, 1), ([0], 1, 5, 0, 2), ([2], 1, 63, 0, 1), ([1], 1, 63, 0, 1), ([0], 6, 63, 0, 2), ([0], 1, 63, 2, 1),
        ([0, 1, 2], 0, 0, 1, 0), ([2], 1, 63, 1, 0), ([1], 1, 63, 1, 0), ([0], 1, 63, 1, 0)]
SPECTRAL = [([0, 1, 2], 0, 0, 0, 0)] + [([c], a, b, 0, 0) for c in range(3) for a, b in ((1, 5), (6, 63))]
ALONE = [([c], 0, 0, 0, 0) for c in range(3)] + [([c], 1, 63, 0, 0) for c in range(3)]
SCRIPTS = {"full": FULL, "spectral": SPECTRAL, "alone": ALONE}
SCANS = {"012": [[0, 1, 2]], "0_1_2": [[0], [1], [2]], "01_2": [[0, 1], [2]], "0_12": [[0], [1, 2]], "1_2_0": [[1], [2], [0]],
         "20_1": [[2, 0], [1]], "210": [[2, 1, 0]]}


def files(everything):
    factors = {"444": [(1, 1)] * 3, "422": [(2, 1), (1, 1), (1, 1)], "420": [(2, 2), (1, 1), (1, 1)], "440": [(1, 2), (1, 1), (1, 1)],
               "411": [(4, 1), (1, 1), (1, 1)], "410": [(4, 2), (1, 1), (1, 1)], "441": [(1, 4), (1, 1), (1, 1)],
               "311": [(3, 1), (1, 1), (1, 1)], "313": [(1, 3), (1, 1), (1, 1)], "331": [(3, 3), (1, 1), (1, 1)],
               "finer": [(1, 1), (2, 2), (2, 2)], "finer_h": [(1, 1), (2, 1), (2, 1)], "finer_v": [(1, 1), (1, 2), (1, 2)],
               "differ": [(2, 2), (2, 1), (1, 2)], "differ2": [(2, 2), (1, 2), (2, 1)], "cb": [(2, 2), (1, 1), (2, 2)],
               "cr": [(1, 1), (1, 1), (2, 2)], "444x2": [(2, 2), (2, 2), (2, 2)], "422x2": [(2, 2), (1, 2), (1, 2)],
               "420x2": [(4, 2), (2, 1), (2, 1)], "tall": [(1, 4), (1, 2), (1, 1)], "odd": [(3, 2), (2, 2), (1, 1)],
               "odd_v": [(2, 3), (2, 2), (1, 1)], "wide": [(4, 1), (2, 1), (1, 1)]}
    few = {"444", "422", "420", "440", "411", "finer", "finer_h", "differ", "cb", "420x2", "odd", "tall", "311"}
    for name, f in factors.items():
        if not everything and name not in few:
            continue
        for script, scans in SCANS.items():
            if everything or script in ("012", "0_1_2", "01_2") or (name, script) == ("444", "210"):
                restart = 3 if script in ("0_12", "210") else 0
                yield f"{name}-{script}", Picture(planes(21, 19, 3), f, long=script == "01_2").sequential(scans, restart)
        for script, scans in SCRIPTS.items():
            if everything or script == "full" and name in ("420", "444", "finer", "411"):
                restart = 2 if script == "spectral" else 0
                yield f"{name}-{script}", Picture(planes(27, 18, 3), f, long=script == "full").progressive(scans, restart)
    sizes = itertools.product((1, 2, 3, 5, 16, 17, 24, 33), (1, 2, 9, 16, 17)) if everything else [(1, 1), (5, 3), (24, 17), (17, 2), (3, 9)]
    for width, height in sizes:
        for name in ("420", "422", "440", "finer") if everything else ("420", "422"):
            yield f"{name}-{width}x{height}", Picture(planes(width, height, 3), factors[name]).sequential(SCANS["012"])
    yield "grey", Picture(planes(19, 11, 1), [(1, 1)]).sequential([[0]])
    yield "grey_2x2", Picture(planes(19, 21, 1), [(2, 2)]).sequential([[0]], restart=2)
    yield "cmyk", Picture(planes(19, 11, 4), [(1, 1)] * 4).sequential([[0, 1, 2, 3]])
    yield "rgb_ids", Picture(planes(19, 11, 3), [(1, 1)] * 3, ids=list(b"RGB")).sequential([[0, 1, 2]])
    for transform in range(3):
        adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
        for count in (3, 4):
            if everything or (transform, count) in ((0, 3), (2, 4)):
                data = Picture(planes(19, 11, count), [(1, 1)] * count).sequential([list(range(count))])
                yield f"adobe{transform}_{count}", data[:2] + adobe + data[2:]
    yield "film", without_tables(Image.fromarray(np.dstack(planes(37, 21, 3)).astype(np.uint8)))
    stray = Picture(planes(21, 19, 3), factors["420"])
    yield "stray", stray.sequential(SCANS["0_1_2"], between=b"\x00\x12\xff\x00\xff\xff")
    yield "behind", stray.sequential(SCANS["012"]) + b"\0\0\0\x18ftypmp42\xff\xda\x00\x0c\x03\xff\xd8\xff\xc0"
    yield "behind_rst", stray.sequential(SCANS["012"], restart=1)[:-2] + b"\xff\xd3\x00\x11\xff\xd9"


def without_tables(image):
    """As the frames of a film: Pillow's tables are the standard's, and are left out."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    data, at, out = file.getvalue(), 2, b"\xff\xd8"
    while data[at + 1] != 0xDA:
        length = 2 + int.from_bytes(data[at + 2:at + 4], "big")
        if data[at + 1] != 0xC4:
            out += data[at:at + length]
        at += length
    return out + data[at:]


def main():
    folder, everything = sys.argv[1], "--all" in sys.argv
    os.makedirs(folder, exist_ok=True)
    for name, data in files(everything):
        with open(os.path.join(folder, name + ".jpg"), "wb") as file:
            file.write(data)
        try:
            Image.open(io.BytesIO(data)).convert("RGB").save(os.path.join(folder, name + ".png"))
        except (OSError, SyntaxError) as error:
            print(f"{name}: Pillow refuses: {error}")


if __name__ == "__main__":
    main()
