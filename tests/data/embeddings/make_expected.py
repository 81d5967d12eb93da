"""Writes expected.json of tests/metrics/generative/embedding_scores_test.cpp: python3 make_expected.py DGM_EVAL CMMD

DGM_EVAL holds mmd.py, authpct.py and ct.py of dgm-eval's dgm_eval/metrics (github.com/layer6ai-labs/dgm-eval, as of
d57a6d2), CMMD distance.py of github.com/sayakpaul/cmmd-pytorch (49fb717); neither is on PyPI. From PyPI: prdc 0.2 (the
code of dgm-eval's prdc.py) and vendi_score 0.0.3. NumPy 2.3.4, SciPy 1.17.1, scikit-learn 1.9.1, torch 2.11.

Features are whole numbers from a formula, so that the test makes the same ones; float64 is given to programs that take
it. ct.py's k-means has no seed: the training rows lie in three far groups, which every fit finds.
"""
import json
import sys

sys.path[:0] = sys.argv[1:3]
import authpct
import ct
import distance
import mmd
import numpy as np
from prdc import compute_prdc
from vendi_score import vendi


def rows(count, width, salt):
    """Whole numbers from -100 to 100; the test has the same formula."""
    state, values = salt, []
    for _ in range(count * width):
        state = (state * 1103515245 + 12345) % 2**31
        values.append((state // 65536) % 201 - 100)
    return np.array(values, np.float64).reshape(count, width)


def grouped(count, width, salt):
    """The same in three far groups: row i lies in group i % 3."""
    out = rows(count, width, salt)
    out[np.arange(count), np.arange(count) % 3] += 1000
    return out


reference, generated = rows(60, 12, 1) / 64, rows(48, 12, 2) / 64 + 0.25
few = rows(9, 12, 3) / 64  # fewer rows than numbers
out = {}
np.random.seed(2020)
values = mmd.compute_mmd(reference, generated, n_subsets=7, subset_size=30)
out["kd_mean"], out["kd_std"] = values.mean(), values.std()
np.random.seed(2020)
out["kd_mean_all_rows"] = mmd.compute_mmd(reference, few, n_subsets=3).mean()
balls = {"real_features": reference[:48], "fake_features": generated, "nearest_k": 5}
out.update(compute_prdc(**balls))
out["vendi"], out["vendi_few"] = vendi.score_X(generated), vendi.score_X(few)
unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (reference, generated)]
unit = [side.astype(np.float32).astype(np.float64) for side in unit]
out["cmmd"] = distance.mmd(*unit).item()
copies = np.concatenate([generated[:30], reference[5:23] + 1 / 128])
out["auth_pct"] = authpct.compute_authpct(reference, copies)
training, held_out = grouped(150, 9, 4), grouped(90, 9, 5)
copied = np.concatenate([grouped(75, 9, 6), training[:45] + 5])
out["c_t"] = ct.compute_CTscore(training, held_out, copied)
training, held_out = grouped(150, 70, 7), grouped(90, 70, 8)
copied = np.concatenate([grouped(75, 70, 9), training[:45] + 5])
out["c_t_projected"] = ct.compute_CTscore(training, held_out, copied)
with open("expected.json", "w") as file:
    json.dump({key: float(value) for key, value in out.items()}, file, indent=0)
    file.write("\n")
