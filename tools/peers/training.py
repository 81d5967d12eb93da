"""Training steps of the networks of tier mini, in eager PyTorch, compiled by inductor, and here: the same weights,
batch and optimiser. With one thread a step's time is the processor's, which other programs on the machine hardly lengthen."""
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from cases import Case

UNTIMED_STEPS, TIMED_STEPS, BATCH, CLUSTERS = 3, 12, 32, 100
LEARNING_RATE, EMA_DECAY = 1e-4, 0.999
REPOSITORY = Path(__file__).parents[2]


def preset_of(method):
    """Of tier mini, whose file has whole lines of comments."""
    lines = (REPOSITORY / "reproductions" / method / "presets.json").read_text(encoding="utf-8").splitlines()
    return json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))["mini"]


def network_of(folder):
    import networks
    preset = json.loads((folder / "presets.json").read_text(encoding="utf-8"))["mini"]
    if "unet" in preset:
        return networks.UNet({**preset["unet"], "cond_dim": CLUSTERS})
    return networks.UViT(preset["network"])


def draw(folder):
    """Weights and a batch, in a process of its own."""
    import torch
    from safetensors.torch import save_file
    torch.manual_seed(0)
    network = network_of(folder)
    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    noise = torch.randn(BATCH, 3, 16, 16)
    tensors |= {"x": torch.randn(BATCH, 3, 16, 16) + noise, "target": noise,
                "timesteps": torch.arange(BATCH) * 1000 // BATCH,
                "condition": torch.eye(CLUSTERS)[torch.arange(BATCH) % CLUSTERS]}
    save_file(tensors, folder / "inputs.safetensors")


def training_folder(method, part):
    def prepare(folder):
        (folder / "presets.json").write_text(json.dumps({"mini": {part: preset_of(method)[part]}}), encoding="utf-8")
        subprocess.run([sys.executable, __file__, folder], check=True)

    return prepare


def peer(compiled):
    def train(folder):
        import torch
        import torch.nn.functional as F
        from safetensors.torch import load_file
        inputs = load_file(folder / "inputs.safetensors")
        threads = int(os.environ["OMP_NUM_THREADS"])
        torch.set_num_threads(threads)
        network = network_of(folder)
        network.load_state_dict({name[6:]: value for name, value in inputs.items() if name.startswith("model.")})
        parameters = list(network.parameters())
        average = [parameter.detach().clone() for parameter in parameters]
        optimiser = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=1e-2, fused=True)

        def loss_of(x, timesteps, condition, target):
            return F.mse_loss(network(x, timesteps, condition), target)

        if compiled:
            loss_of = torch.compile(loss_of)
        clock = time.process_time if threads == 1 else time.perf_counter
        losses, seconds = [], []
        for _ in range(UNTIMED_STEPS + TIMED_STEPS):
            begin = clock()
            optimiser.zero_grad()
            loss = loss_of(inputs["x"], inputs["timesteps"], inputs["condition"], inputs["target"])
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, parameters, 1 - EMA_DECAY)
            seconds.append(clock() - begin)
            losses.append(loss.item())
        return {"first_loss": losses[0], "last_loss": losses[-1]}, statistics.median(seconds[UNTIMED_STEPS:])

    return train


def training(name, method, part, eager_goal):
    return Case(f"train-{name}", f"{method} mini, batch {BATCH}", training_folder(method, part),
                {"eager": peer(False), "compiled": peer(True)},
                lambda f, t: [f / "presets.json", "--inputs", f / "inputs.safetensors", "--batch", str(BATCH),
                              "--threads", str(t), "--repetitions", str(TIMED_STEPS)],
                {"eager": 1e-4, "compiled": 1e-4}, {"eager": eager_goal, "compiled": 1.4},
                program="peers/training_step")


CASES = [training("unet", "self_guided", "unet", 2.0), training("uvit", "maskdm", "network", 1.5)]

if __name__ == "__main__":
    draw(Path(sys.argv[1]))
