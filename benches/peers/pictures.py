"""Pictures for the comparisons of readers."""

import io

import numpy as np
from PIL import Image


def jpegs(count, width, height):
    """JPEG files (Pillow, quality 90, 4:2:0) of smooth colours with noise on them, about as hard to code as photographs."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(count):
        waves = [np.sin(x * generator.uniform(0.01, 0.06)) + np.cos(y * generator.uniform(0.01, 0.06)) for _ in range(3)]
        noise = generator.normal(0, 6, (height, width, 3))
        picture = np.clip(np.stack(waves, -1) * 55 + 128 + noise, 0, 255).astype(np.uint8)
        data = io.BytesIO()
        Image.fromarray(picture).save(data, "JPEG", quality=90)
        yield data.getvalue()
