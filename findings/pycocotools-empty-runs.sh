#!/usr/bin/env bash
# pycocotools 2.0.11: run lengths with empty runs, which nothing forbids.
#
# Guess: an empty run says nothing, so that such masks have the box of their pixels and are joined as their pixels are.
# Seen: the box of an empty mask with an empty run of foreground is 4294967295 pixels wide; joining stops where both
# masks have an empty run at one place, and what it gives is no mask of their size.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 pycocotools==2.0.11
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from pycocotools import mask as coco


def mask(counts, height=2, width=3):
    return coco.frPyObjects([{"counts": counts, "size": [height, width]}], height, width)[0]


empty = mask([3, 0, 3])
print("an empty mask:", int(coco.decode(empty).sum()), "pixels, box", coco.toBbox(empty).tolist())
assert coco.decode(empty).sum() == 0 and coco.toBbox(empty)[2] > 1e9
assert coco.toBbox(mask([6])).tolist() == [0, 0, 0, 0]

four = mask([1, 1, 1, 0, 0, 3])
same = coco.merge([four, four])
print("a mask joined with itself:", int(coco.area(four)), "and", int(coco.area(same)), "pixels, runs", same["counts"])
assert coco.area(four) == 4 and coco.area(same) == 1
PYTHON
