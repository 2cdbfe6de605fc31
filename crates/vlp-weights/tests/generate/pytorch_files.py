"""Writes tests/bad/*.pt and tests/golden/*.pt, small PyTorch files good and bad. Needs torch (2.6). Run in the crate's
folder. The code in code.pt would create a file named `was_run` if anything executed it.
"""
import collections
import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import torch

plain = collections.OrderedDict(
    logit_scale=torch.tensor(2.5),
    weight=torch.arange(6, dtype=torch.float32).reshape(2, 3),
    half=torch.tensor([1.5, -2.0], dtype=torch.float16),
    brain=torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    strided=torch.arange(6, dtype=torch.float32).reshape(2, 3).t(),
    count=torch.tensor(7),
)
torch.save(plain, "tests/golden/plain.pt")
torch.save(plain, "tests/golden/legacy.pt", _use_new_zipfile_serialization=False)
wrapped = {f"module.{name}": value for name, value in plain.items()}
optimizer = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
checkpoint = {"epoch": 3, "name": "run", "state_dict": wrapped, "optimizer": optimizer, "dtype": torch.float32}
torch.save(checkpoint, "tests/golden/checkpoint.pt")
# Older versions of open_clip computed learning rates in numpy, whose scalars stand in the optimizer's groups.
scalars = {"state": {}, "param_groups": [{"lr": np.float64(0.1), "betas": (np.float32(0.9), 0.98), "params": [0]}]}
torch.save({"epoch": 3, "name": "run", "state_dict": wrapped, "optimizer": scalars}, "tests/golden/numpy_scalars.pt")
torch.save({"epoch": 3}, "tests/bad/no_tensors.pt")
torch.save({"a": torch.zeros(1).expand(1 << 28)}, "tests/bad/expanded.pt")


class Code:
    def __reduce__(self):
        return os.system, ("touch was_run",)


torch.save({"state_dict": plain, "extra": Code()}, "tests/bad/code.pt")
with open("tests/bad/code.pickle", "wb") as file:
    pickle.dump({"a": [Code()]}, file)
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), "tests/bad/torch_script.pt")
with tarfile.open("tests/bad/tar.pt", "w", format=tarfile.USTAR_FORMAT) as tar:
    info = tarfile.TarInfo("storages")
    info.size = 4
    tar.addfile(info, io.BytesIO(b"abcd"))
with zipfile.ZipFile("tests/bad/no_pickle.pt", "w") as archive:
    archive.writestr("archive/version", "3")
data = open("tests/golden/plain.pt", "rb").read()
open("tests/bad/truncated.pt", "wb").write(data[: len(data) // 2])
