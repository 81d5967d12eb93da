"""Writes expected.safetensors: maps that the fast bilateral solver makes of a small scene, by NumPy and SciPy alone.

Written from the formulas of Barron & Poole (arXiv:1511.03296): sparse matrices, SciPy's direct solver and SciPy's
conjugate gradients. NumPy 2.4.6, SciPy 1.17.1, safetensors 0.8.0.

usage: make_expected.py OUT.safetensors
"""
import sys

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as solvers
from safetensors.numpy import save_file

HEIGHT, WIDTH = 24, 30
SPATIAL, LUMA, CHROMA, LAMBDA, BALANCING = 4, 16, 8, 64.0, 10


def scene():
    """A disc before a slope, with noise, and a mask that is several pixels off, with its confidence."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([70 + 2 * x, 90 + 2 * y, 120 + 0 * x], -1) + random.integers(-8, 9, (HEIGHT, WIDTH, 3))
    disc = np.hypot(x - 16, y - 12) < 7
    image[disc] += [90, 20, -50]
    mask = np.hypot(x - 13, y - 10) < 7
    target = np.clip(0.7 * mask + random.uniform(0, 0.3, mask.shape), 0, 1)
    confidence = random.uniform(0, 1, mask.shape)
    return image.clip(0, 255).astype(np.uint8), target.astype(np.float32), confidence.astype(np.float32)


def matrices(image):
    """S [vertices, pixels], and B, which adds up 1 2 1 along each of five coordinates."""
    r, g, b = (image[..., i].astype(np.int64).ravel() for i in range(3))
    y, x = (c.ravel() for c in np.mgrid[:HEIGHT, :WIDTH])
    places = np.stack([x // SPATIAL, y // SPATIAL, (299 * r + 587 * g + 114 * b) // (1000 * LUMA),
                       (128000000 - 168736 * r - 331264 * g + 500000 * b) // (1000000 * CHROMA),
                       (128000000 + 500000 * r - 418688 * g - 81312 * b) // (1000000 * CHROMA)], -1)
    vertices, vertex = np.unique(places, axis=0, return_inverse=True)
    vertex, n = vertex.ravel(), len(vertices)
    splat = sparse.csr_matrix((np.ones(len(vertex)), (vertex, np.arange(len(vertex)))), shape=(n, len(vertex)))
    apart = np.abs(vertices[:, None] - vertices[None]).sum(-1)
    return splat, sparse.csr_matrix(np.where(apart == 0, 10.0, np.where(apart == 1, 1.0, 0.0)))


def main():
    image, target, confidence = scene()
    splat, blur = matrices(image)
    counts, n = np.asarray(splat.sum(1)).ravel(), np.ones(splat.shape[0])
    for _ in range(BALANCING):
        n = np.sqrt(n * counts / (blur @ n))
    m, trust = n * (blur @ n), splat @ confidence.ravel().astype(float)
    system = LAMBDA * (sparse.diags(m) - sparse.diags(n) @ blur @ sparse.diags(n)) + sparse.diags(trust)
    right = splat @ (confidence.astype(float) * target.astype(float)).ravel()
    inverse = sparse.diags(1 / np.maximum(system.diagonal(), 1e-5))
    maps = {"direct": solvers.spsolve(system.tocsc(), right)}
    for iterations in (1, 5, 25):
        maps[f"iterations.{iterations}"] = solvers.cg(system, right, x0=right / trust, M=inverse, rtol=0.0, atol=0.0,
                                                      maxiter=iterations)[0]
    out = {name: (splat.T @ y).reshape(HEIGHT, WIDTH) for name, y in maps.items()}
    print(len(n), "vertices;", {name: (map.min(), map.max()) for name, map in out.items()})
    save_file({"image": image, "target": target, "confidence": confidence}
              | {name: map.astype(np.float32) for name, map in out.items()}, sys.argv[1])


if __name__ == "__main__":
    main()
