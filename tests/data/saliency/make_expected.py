"""Writes expected.json of tests/metrics/masks/saliency_test.cpp: python3 make_expected.py

With py_sod_metrics 1.6.2, NumPy 2 and SciPy 1.17. Each case holds the pixels row by row, and what PySODMetrics gives.
Cases whose mask's centroid lies in the last row or column give NaN for S there and are not among them.
"""
import json
import warnings

import numpy as np
import py_sod_metrics as sod

warnings.simplefilter("ignore")
rng = np.random.default_rng(2026)


def boxes(height, width, *rectangles):
    mask = np.zeros((height, width), np.uint8)
    for top, left, bottom, right in rectangles:
        mask[top:bottom, left:right] = 255
    return mask


def soft(mask):
    return np.clip(mask * 0.6 + rng.normal(40, 35, mask.shape), 0, 255).astype(np.uint8)


def scores(prediction, truth):
    f, mae, s, e, weighted = sod.Fmeasure(), sod.MAE(), sod.Smeasure(), sod.Emeasure(), sod.WeightedFmeasure()
    binary = sod.FmeasureV2({"iou": sod.IOUHandler(False, False, with_binary=True),
                             "accuracy": sod.OverallAccuracyHandler(False, False, with_binary=True)})
    for metric in (f, mae, s, e, weighted, binary):
        metric.step(prediction, truth)
    f, e, binary = f.get_results()["fm"], e.get_results()["em"], binary.get_results()
    return {"mae": mae.get_results()["mae"], "s_measure": s.get_results()["sm"],
            "weighted_f": weighted.get_results()["wfm"], "max_f": f["curve"].max(), "mean_f": f["curve"].mean(),
            "adaptive_f": f["adp"], "max_e": e["curve"].max(), "mean_e": e["curve"].mean(), "adaptive_e": e["adp"],
            "iou": binary["iou"]["binary"], "accuracy": binary["accuracy"]["binary"]}


mask = boxes(9, 12, (2, 3, 7, 8))
two = boxes(11, 10, (0, 0, 3, 4), (6, 5, 9, 9))
ring = boxes(13, 13, (2, 2, 11, 11)) - boxes(13, 13, (4, 4, 9, 9))
half = boxes(10, 14, (0, 0, 10, 7))
random_mask = (rng.random((23, 17)) < 0.3).astype(np.uint8) * 255
grey_mask = rng.integers(0, 256, (16, 19)).astype(np.uint8)
cases = {
    "soft": (soft(mask), mask),
    "two_parts": (soft(two), two),
    "ring": (soft(ring), ring),
    "random_mask": (rng.integers(0, 256, (23, 17)).astype(np.uint8), random_mask),
    "grey_mask": (soft(grey_mask), grey_mask),
    "narrow_range": (rng.integers(100, 140, (9, 12)).astype(np.uint8), mask),
    "perfect": (mask, mask),
    "inverted": (255 - mask, mask),
    "black_prediction": (np.zeros_like(mask), mask),
    "constant_prediction": (np.full_like(mask, 193), mask),
    "constant_prediction_flat_blocks": (np.full_like(half, 193), half),
    "black_mask": (soft(mask), np.zeros_like(mask)),
    "white_mask": (soft(mask), np.full_like(mask, 255)),
    "both_black": (np.zeros_like(mask), np.zeros_like(mask)),
    "both_white": (np.full_like(mask, 255), np.full_like(mask, 255)),
    "ties_at_the_adaptive_threshold": ((rng.integers(0, 6, (5, 4)) * 51).astype(np.uint8), boxes(5, 4, (1, 1, 3, 3))),
    "one_black_pixel": (np.uint8([[77]]), np.uint8([[0]])),
    "one_white_pixel": (np.uint8([[77]]), np.uint8([[255]])),
    "one_row": (rng.integers(0, 256, (1, 31)).astype(np.uint8), np.zeros((1, 31), np.uint8)),
}
out = []
for name, (prediction, truth) in cases.items():
    expected = scores(prediction, truth)
    assert not any(np.isnan(value) for value in expected.values()), name
    out.append({"name": name, "height": truth.shape[0], "width": truth.shape[1],
                "prediction": prediction.ravel().tolist(), "truth": truth.ravel().tolist(),
                "expected": {key: float(value) for key, value in expected.items()}})
with open("expected.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in out) + "\n]\n")
