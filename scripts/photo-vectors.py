"""Writes test/vectors/photos.json: SHA-256 of what torchvision makes of images that both sides compute from a hash.

Run with a Python that has torch, torchvision and Pillow: python scripts/photo-vectors.py
"""

import hashlib
import json
import pathlib

import numpy
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

CASES = [
    # width, height, resize, crop, interpolation, mean, std
    (320, 240, 256, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    (301, 423, 232, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    (301, 423, 235, 224, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    (90, 64, 341, 299, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    (500, 123, 64, 61, "bicubic", (0.1, 0.2, 0.3), (1.0, 0.7, 0.9)),
    (64, 64, 64, 64, "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
]


def pixels(width, height):
    """Bytes from a hash of their index: test/support/hashed.ts has the same."""
    x = numpy.arange(width * height * 3, dtype=numpy.uint64) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> numpy.uint64(shift)
        x = x * numpy.uint64(factor) & numpy.uint64(0xFFFFFFFF)
    x ^= x >> numpy.uint64(16)
    return (x >> numpy.uint64(24)).astype(numpy.uint8).reshape(height, width, 3)


cases = []
for width, height, resize, crop, interpolation, mean, std in CASES:
    transform = ImageClassification(
        crop_size=crop, resize_size=resize, mean=mean, std=std, interpolation=InterpolationMode(interpolation)
    )
    y = transform(Image.fromarray(pixels(width, height)))
    digest = hashlib.sha256(y.contiguous().numpy().tobytes()).hexdigest()
    preset = {"resize": resize, "crop": crop, "interpolation": interpolation, "mean": mean, "std": std}
    cases.append({"width": width, "height": height, "preset": preset, "sha256": digest})
path = pathlib.Path(__file__).parent.parent / "test" / "vectors" / "photos.json"
path.write_text(json.dumps(cases) + "\n")  # and then: npx biome check --write test/vectors/photos.json
