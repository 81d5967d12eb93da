"""Writes what pycocotools makes of random masks, for tests/images/run_lengths_test.cpp and polygon_mask_test.cpp.

usage: python3 make_cases.py [SHAPES FILE]    240 shapes to masks.json beside this script, or as many to FILE

With pycocotools 2.0.11 and NumPy 2. The tests read another file where ASSAY_COCO_CASES names one; 10,000 shapes:

  python3 make_cases.py 10000 cases.json && ASSAY_COCO_CASES=cases.json build/tests/images_tests --gtest_filter='*AsPycocotools*'

Polygons have vertices inside and outside the image, whole, on a tenth or on a half of a pixel, or none of these, and
coincide at times. Runs have empty ones among them. Left out, with a line on how many, is what pycocotools gets wrong
(findings/pycocotools-empty-runs.sh): the box of an empty mask with empty runs of foreground, masks joined where both have an
empty run at one place, and masks joined that have more runs than pixels, for which it takes too little memory.
"""
import json
import sys
from pathlib import Path

import numpy as np
from pycocotools import mask as coco

rng = np.random.default_rng(2026)
left_out = {"boxes": 0, "pairs": 0}


def polygon(width, height):
    count = int(rng.integers(3, 12))
    low, high = [(0.0, 1.0), (-0.5, 1.5), (-4.0, 5.0), (1.0, 2.0)][rng.choice(4, p=[0.5, 0.3, 0.15, 0.05])]
    points = rng.uniform(low, high, (count, 2)) * (width, height)
    step = rng.choice([0, 1, 2, 10])
    if step:
        points = np.round(points * step) / step
    kind = rng.random()
    if kind < 0.1:
        points[rng.integers(count)] = points[rng.integers(count)]  # vertices coincide
    elif kind < 0.15:
        points[:] = points[0] + np.outer(rng.uniform(-1, 1, count), points[1] - points[0])  # on a line
    elif kind < 0.18:
        points[:] = points[0]
    elif kind < 0.25:
        points = points[0] + rng.uniform(-0.7, 0.7, (count, 2))  # smaller than a pixel
    return [float(x) for x in points.ravel()]


def runs(width, height):
    """Lengths that add up, some of them empty."""
    pixels = width * height
    cuts = np.sort(rng.integers(0, pixels + 1, int(rng.integers(0, 14))))
    lengths = np.diff(np.concatenate(([0], cuts, [pixels]))).tolist()
    if rng.random() < 0.4:
        at = int(rng.integers(0, len(lengths) + 1))
        lengths[at:at] = [0] * int(rng.integers(1, 4))
    return lengths


def counts_of(text):
    """Run lengths of COCO's text, by its description."""
    counts, value, shift = [], 0, 0
    for code in (byte - 48 for byte in text):
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    return counts


def shape(width, height):
    kind = rng.random()
    if kind < 0.6:
        xy = polygon(width, height)
        rle = coco.frPyObjects([xy], height, width)[0]
        origin = {"polygon": xy}
    elif kind < 0.9:
        lengths = runs(width, height)
        rle = coco.frPyObjects([{"counts": lengths, "size": [height, width]}], height, width)[0]
        origin = {"runs": lengths}
    else:
        rle = coco.encode(np.asfortranarray((rng.random((height, width)) < rng.random()).astype(np.uint8)))
        origin = {}
    pixels = coco.decode(rle)
    out = {"width": width, "height": height, **origin, "counts": counts_of(rle["counts"]),
           "text": rle["counts"].decode(), "area": int(coco.area(rle)),
           "bits": np.packbits(pixels, axis=None).tobytes().hex()}  # row by row
    if out["area"] > 0 or not any(count == 0 for count in out["counts"][1::2]):
        out["box"] = [int(x) for x in coco.toBbox(rle)]
    else:
        left_out["boxes"] += 1
    return out, rle, pixels.astype(bool)


def pair(first, second):
    (one, a, pixels), (other, b, _) = first, second
    if len(one["counts"]) + len(other["counts"]) > pixels.size:  # it writes past the end of its memory
        left_out["pairs"] += 1
        return None
    any_, all_ = coco.merge([a, b]), coco.merge([a, b], intersect=True)
    if any(sum(counts_of(rle["counts"])) != pixels.size for rle in (any_, all_)):
        left_out["pairs"] += 1
        return None
    iou, crowd = (float(coco.iou([a], [b], [flag])[0, 0]) for flag in (0, 1))
    return {"any": any_["counts"].decode(), "all": all_["counts"].decode(), "iou": iou, "crowd": crowd}


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 240
    file = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "masks.json"
    lines = []
    for _ in range(count // 2):
        width, height = (int(side) for side in rng.integers(1, 41 if rng.random() < 0.9 else 5, 2))
        first, second = shape(width, height), shape(width, height)
        lines.append(json.dumps({"shapes": [first[0], second[0]], "pair": pair(first, second)}))
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(lines) * 2} shapes, {len(lines)} pairs; left out: {left_out['boxes']} boxes, {left_out['pairs']} pairs")


if __name__ == "__main__":
    main()
