"""Runs tools/check_layers.py on trees made here: a sound one passes, each single violation is refused by its line."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"

SOUND = {
    "core/error.h": "#pragma once\n#include <string>\n",
    "store/store.h": '#pragma once\n#include "core/error.h"\n#include "store/rows.h"\n',
    "kernels/guide.h": '#pragma once\n#include <ATen/core/Tensor.h>\n#include "core/error.h"\n',
    "kernels/guide_math.h": '#pragma once\n#include "kernels/host_device.h"\n',
    "kernels/guide.cu": '#include "kernels/guide_math.h"\n#include <cuda_runtime.h>\n',
    "diffusion/networks/adm/unet.cpp": '#include <torch/nn.h>\n#include "kernels/guide.h"\n',
    "diffusion/networks/adm/unet.h": '#pragma once\n#include "diffusion/denoiser.h"\n#include "diffusion/networks/layers.h"\n',
    "diffusion/training/trainer.cpp": '#include "diffusion/networks/adm/unet.h"\n',
    "reproductions/configured_method.cpp": '#include "reproductions/maskdm/maskdm.h"\n#include "reproductions/ed_dpm/ed_dpm.h"\n',
    "reproductions/maskdm/maskdm.cpp": '#include "reproductions/maskdm/algorithm/masks.h"\n#include "reproductions/method.h"\n',
    "reproductions/maskdm/algorithm/masks.cpp": '#include "diffusion/process/respacing.h"\n#include "reproductions/samples/sample_noise.h"\n',
    "diffusion/networks/sd/a.cpp": '#include "diffusion/text/words.h"\n#include "diffusion/networks/layers.h"\n',
    "app/main.cpp": '#include "store/store.h"\n#include "diffusion/networks/adm/unet.h"\n',
    "tests/store/store_test.cpp": '#include "store/store.h"\n#include "app/table.h"\n',
}


def check(changes):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**SOUND, **changes}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)


class CheckLayers(unittest.TestCase):
    def test_a_sound_tree_passes(self):
        result = check({})
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_each_violation_is_refused_with_its_place(self):
        header = "#pragma once\n"
        for name, text, message in [
            ("core/a.h", header + '#include "store/store.h"\n', "core/a.h:2: core/ may not include store/store.h"),
            ("metrics/a.cpp", '\n\n#  include "diffusion/networks/adm/unet.h"\n', "metrics/a.cpp:3: metrics/ may not include diffusion/networks/adm/unet.h"),
            ("store/sub/a.cpp", '#include "metrics/generative/frechet.h"\n', "store/sub/a.cpp:1: store/ may not include"),
            ("reproductions/a.cpp", '#include "bench/harness/run.h"\n', "reproductions/a.cpp:1: reproductions/ may not"),
            ("bench/harness/a.cpp", '#include "reports/page.h"\n', "bench/harness/ may not include reports/page.h"),
            ("metrics/a.cpp", '#include "tests/support/tensors.h"\n', "metrics/a.cpp:1: metrics/ may not include tests/"),
            ("store/a.cpp", "#include <ATen/core/Tensor.h>\n", "store/a.cpp:1: ATen/core/Tensor.h: no LibTorch header"),
            ("diffusion/text/a.cpp", "#include <ATen/core/Tensor.h>\n", "diffusion/text/a.cpp:1: ATen/core/Tensor.h: no LibTorch"),
            ("diffusion/networks/vit/a.cpp", '#include "diffusion/text/words.h"\n',
             "diffusion/networks/vit/ may not include diffusion/text/words.h"),
            ("kernels/a.cu", "#include <c10/cuda/CUDAStream.h>\n", "kernels/a.cu:1: c10/cuda/CUDAStream.h: no LibTorch"),
            ("kernels/a_math.h", header + "#include <ATen/core/Tensor.h>\n", "kernels/a_math.h:2: ATen/core/Tensor.h: no"),
            ("diffusion/a.h", header + "#include <torch/torch.h>\n", "diffusion/a.h:2: torch/torch.h may stand in .cpp"),
            ("tests/support/a.h", header + "#include <torch/nn/modules/linear.h>\n", "tests/support/a.h:2: torch/nn/"),
            ("core/a.h", "#include <string>\n", "core/a.h: a header needs #pragma once"),
            ("diffusion/process/a.h", header + '#include "diffusion/guidance/entropy.h"\n',
             "diffusion/process/a.h:2: diffusion/process/ may not include diffusion/guidance/entropy.h; allowed: core, "
             "kernels; what includes this belongs in diffusion/guidance/ or diffusion/sampling/diffusers/ or "
             "diffusion/sampling/"),
            ("diffusion/a.cpp", '#include "diffusion/process/respacing.h"\n', "belongs in diffusion/process/ or"),
            ("diffusion/networks/vit/a.cpp", '#include "diffusion/networks/adm/unet.h"\n',
             "diffusion/networks/vit/ may not include diffusion/networks/adm/unet.h"),
            ("diffusion/sampling/a.cpp", '#include "diffusion/networks/layers.h"\n#include "diffusion/guidance/a.h"\n',
             "what includes this belongs in diffusion/training/"),
            ("diffusion/samplers/a.cpp", "\n", "diffusion/samplers/a.cpp: no folder for sources; known: diffusion/text,"),
            ("reproductions/maskdm/a.cpp", '#include "reproductions/ed_dpm/config.h"\n',
             "reproductions/maskdm/a.cpp:1: no method includes another"),
            ("reproductions/maskdm/algorithm/a.cpp", '#include "reproductions/method.h"\n',
             "reproductions/maskdm/algorithm/ may not include reproductions/method.h"),
            ("reproductions/maskdm/algorithm/a.cpp", '#include "reproductions/ed_dpm/algorithm/a.h"\n',
             "no method includes another"),
            ("images/a.cpp", '#include "datasets/emoji.h"\n', "images/ may not include datasets/emoji.h; allowed: core;"),
        ]:
            with self.subTest(file=name, message=message):
                result = check({name: text})
                self.assertEqual(result.returncode, 1)
                self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)
                self.assertIn(message, result.stdout)

    def test_a_folder_without_layers_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("none of the folders", result.stderr)


if __name__ == "__main__":
    unittest.main()
