"""Prints precision and recall of squared float16 distances, k = 3, closed balls (tests/metrics/generative/prdc_test.cpp).

The OpenAI evaluator's order of roundings; sums of products in float64, which TensorFlow's own need not equal.
"""
import numpy as np


def numbers(count, seed, shift):
    out = []
    for _ in range(count):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((seed >> 40) / 2.0**24 + shift)
    return np.array(out).astype(np.float32)


def half(values):
    return np.asarray(values).astype(np.float32).astype(np.float16).astype(np.float64)


def distances(u, v):
    norm_u = half(half(u * u).sum(1))[:, None]
    norm_v = half(half(v * v).sum(1))[None, :]
    return np.maximum(half(half(norm_u - 2.0 * half(u @ v.T)) + norm_v), 0.0)


generated = half(numbers(350 * 64, 4, 0.02).reshape(350, 64))
reference = half(numbers(300 * 64, 5, 0.0).reshape(300, 64))
own = np.sort(distances(reference, reference), 1)[:, 3]
other = np.sort(distances(generated, generated), 1)[:, 3]
between = distances(reference, generated)
print("precision", repr((between <= own[:, None]).any(0).mean()))
print("recall", repr((between <= other[None, :]).any(1).mean()))
