"""Writes crates/vlp-data/tests/golden/parquet/*.parquet with pyarrow (26.0.1).

Picture i is the bytes (7 i + j) mod 251 for j below 40 + 13 i; it is no picture, the test compares bytes.
"""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).parents[2] / "crates/vlp-data/tests/golden/parquet"


def picture(i):
    return bytes((7 * i + j) % 251 for j in range(40 + 13 * i))


def write(name, columns, **options):
    pq.write_table(pa.table(columns), OUT / name, **options)


image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
captions = [f"caption {i % 5}" for i in range(17)]
structures = [{"bytes": picture(i) if i != 4 else None, "path": f"{i}.png" if i % 2 else None} for i in range(17)]
# Hugging Face's layout, pyarrow's defaults: Snappy, dictionaries, first version of pages.
write(
    "hugging-face.parquet",
    {"image": pa.array(structures, image), "caption": captions, "label": list(range(17)), "score": [i / 4 for i in range(17)]},
    row_group_size=7,
)
# Pages of one value each, both versions, every codec that is read; the page index is written too.
for codec in ("none", "snappy", "gzip", "zstd", "lz4"):
    for version in ("1.0", "2.0"):
        write(
            f"{codec}-{version[0]}.parquet",
            {"jpg": pa.array([picture(i) for i in range(17)], pa.binary()), "txt": captions, "key": [f"{i:09d}" for i in range(17)]},
            row_group_size=10,
            compression=codec,
            data_page_version=version,
            data_page_size=1,
            write_batch_size=2,
            use_dictionary=["txt"] if version == "1.0" else True,
            write_page_index=True,
        )
write("brotli.parquet", {"image": [picture(0)], "text": ["caption"]}, compression="brotli")
# Several captions, paths, other types.
write(
    "lists.parquet",
    {
        "image_path": ["a.png", "b.png", "c.png", None, "d.png"],
        "sentences": [["one", " ", "two"], [], None, ["x"], ["four"]],
        "time": pa.array([1, 2, 3, 4, 5], pa.timestamp("ms")),
        "ratio": pa.array([0.1, None, 0.3, 0.4, float("nan")], pa.float32()),
        "embedding": [[1.0, 2.0]] * 5,
    },
)
# img2dataset's metadata beside its files.
write(
    "00000.parquet",
    {
        "url": [f"http://example.org/{i}" for i in range(6)],
        "caption": [f"caption {i}" if i != 5 else None for i in range(6)],
        "key": [f"{i:09d}" for i in range(6)],
        "status": ["success", "failed_to_download", "success", "failed_to_resize", "success", "success"],
        "error_message": [None, "HTTP Error 404", None, "image decoding error", None, None],
        "width": pa.array([16, None, 16, None, 16, 16], pa.int32()),
    },
)
# Numbers that are no double: halves, and decimals of the widths that parquet keeps differently.
from decimal import Decimal as D

write(
    "numbers.parquet",
    {
        "image_path": ["a.png", "b.png", "c.png"],
        "caption": ["one", "two", "three"],
        "half": pa.array([0.1, -65504.0, None], pa.float16()),
        "price": pa.array([D("12.50"), D("-0.07"), None], pa.decimal128(9, 2)),
        "whole": pa.array([D("123456789012"), D("-5"), D("0")], pa.decimal128(12, 0)),
        "long": pa.array([D("12345678901234567890.123"), D("-0.001"), None], pa.decimal128(38, 3)),
        "vector": [[1.0, 2.0]] * 3,
        "blob": pa.array([b"x", b"y", b"z"], pa.binary()),
    },
)
# imagefolder's metadata, as pandas writes them.
write(
    "metadata.parquet",
    {"file_name": ["0001.png", "0002.png"], "text": pa.array(["a red", "a green"], pa.large_string())},
)
