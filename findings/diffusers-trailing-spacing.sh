#!/usr/bin/env bash
# diffusers 0.42.1 (PyPI, with torch 2.11.0): how many time steps the spacing "trailing" gives.
#
# Guess: set_timesteps(n) gives n of them for every n up to the 1,000 training steps, as "leading" and "linspace" do.
# Seen: for 62 of those counts (61, 103, 121, 122, 201, ...) there is one more, time step -1, because a range of
#   floating-point numbers reaches its end. The network is asked once more, at time -1. DDIM takes that step as any
#   other and finds alphas_cumprod[-1], the table's noisiest entry: the last step leaves an almost clean image for noise.
#   DDPM, Euler, DPM-Solver++ and UniPC have the same 62 counts.
# Assay's schedulers leave the extra step out (spaced_timesteps in diffusion/sampling/diffusers/scheduler.h).
# Needs 6 GB for torch with its CUDA libraries, which the library does not import without.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check diffusers==0.42.1 torch==2.11.0
"$folder/venv/bin/python" - <<'PYTHON'
import diffusers

names = ["DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler",
         "UniPCMultistepScheduler"]
for name in names:
    too_many = []
    for count in range(1, 1000):
        scheduler = getattr(diffusers, name)(timestep_spacing="trailing")
        scheduler.set_timesteps(count)
        if len(scheduler.timesteps) != count:
            assert len(scheduler.timesteps) == count + 1 and scheduler.timesteps[-1] == -1
            too_many.append(count)
    print(name, len(too_many), too_many[:5])
    assert len(too_many) == 62 and too_many[:5] == [61, 103, 121, 122, 201]

scheduler = diffusers.DDIMScheduler(timestep_spacing="trailing")
scheduler.set_timesteps(61)
print("alpha_bar that DDIM reads at its 62nd step:", float(scheduler.alphas_cumprod[scheduler.timesteps[-1]]))
assert scheduler.alphas_cumprod[scheduler.timesteps[-1]] == scheduler.alphas_cumprod[999]
PYTHON
