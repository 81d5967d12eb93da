#!/usr/bin/env bash
# POT 0.9.7.post1: the distance of two Gaussians fitted to fewer samples than dimensions.
#
# Guess: a set and itself give 0 or a number of rounding size, two sets a finite distance.
# Seen: NaN for both, with a RuntimeWarning alone: eigenvalues that are 0 come out slightly negative, and their square
# roots are taken. The value wanted is finite: singular values of the two sets' factors give it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 scipy==1.17.1 POT==0.9.7.post1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import ot

warnings.simplefilter("ignore", RuntimeWarning)
random = np.random.default_rng(0)
rows, dimensions = 20, 64
a, b = (random.normal(size=(rows, dimensions)) for _ in range(2))


def gaussian(x):
    return x.mean(0), np.cov(x, rowvar=False)


same = float(ot.gaussian.bures_wasserstein_distance(*np.array([a.mean(0)] * 2), *[gaussian(a)[1]] * 2))
other = float(ot.gaussian.bures_wasserstein_distance(a.mean(0), b.mean(0), gaussian(a)[1], gaussian(b)[1]))
# The trace of the root of the product is the sum of the singular values of the factors' product.
factor_a, factor_b = ((x - x.mean(0)) / np.sqrt(rows - 1) for x in (a, b))
root = np.linalg.svd(factor_a @ factor_b.T, compute_uv=False).sum()
wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + (factor_a**2).sum() + (factor_b**2).sum() - 2 * root
print("a set and itself:", same)
print("two sets:", other, "- squared distance by singular values:", wanted)
assert np.isnan(same) and np.isnan(other) and np.isfinite(wanted)
PYTHON
