#!/usr/bin/env bash
# scikit-image 0.25.2: skeletonize, which is documented as the thinning of Zhang and Suen (1984).
#
# Guess: it removes what the paper's conditions remove.
# Seen: 25 of the 256 neighbourhoods are treated otherwise. A corner of a four-connected line goes, which the paper keeps;
# of a square of 2 x 2 pixels, which the paper removes as a whole, something is left.
# Assay's human correction effort has scikit-image's rule, since PySODMetrics takes it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 scipy==1.17.1 scikit-image==0.25.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from skimage.morphology import skeletonize


def zhang_suen(mask):
    work = np.pad(mask, 1).astype(int)
    while True:
        before = work.copy()
        for first in (True, False):
            gone = []
            for y, x in np.argwhere(work):
                p = [work[y - 1, x], work[y - 1, x + 1], work[y, x + 1], work[y + 1, x + 1],
                     work[y + 1, x], work[y + 1, x - 1], work[y, x - 1], work[y - 1, x - 1]]
                rises = sum(a == 0 and b == 1 for a, b in zip(p, p[1:] + p[:1]))
                north, east, south, west = p[0], p[2], p[4], p[6]
                turn = (north * east * south, east * south * west) if first else (north * east * west, north * south * west)
                if 2 <= sum(p) <= 6 and rises == 1 and not any(turn):
                    gone.append((y, x))
            for place in gone:
                work[place] = 0
        if (work == before).all():
            return work[1:-1, 1:-1].astype(bool)


square = np.ones((2, 2), bool)
corner = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], bool)
for name, mask in (("square", square), ("corner", corner)):
    print(name, "paper:", zhang_suen(mask).astype(int).tolist(), "scikit-image:", skeletonize(mask).astype(int).tolist())
assert zhang_suen(square).sum() == 0 and skeletonize(square).sum() > 0
assert zhang_suen(corner).sum() == 5 and skeletonize(corner).sum() == 4
PYTHON
