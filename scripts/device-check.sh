#!/usr/bin/env bash
# Builds the device check for machines with an NVIDIA GPU, through CUDA and through LibTorch, and packs each with its data:
#   scripts/device-check.sh [cuda | libtorch] [FOLDER]     # both without an argument; FOLDER is target/device-check
# No GPU is needed to build. CUDA: needs nothing installed, cubecl's build fetches LLVM. LibTorch: LIBTORCH names a folder of version
# 2.9.0, or the build fetches one.
#
# On the other machine:
#   tar xf device-check-cuda.tar.xz && ./device-check-cuda/device_check --device cuda --data device-check-cuda/emoji --out cuda
#   tar xf device-check-libtorch.tar.xz
#   LD_LIBRARY_PATH=LIBTORCH/lib LD_PRELOAD=libtorch_cuda.so \
#     ./device-check-libtorch/device_check --device libtorch:cuda:0 --data device-check-libtorch/emoji --out libtorch
#   python3 device.py cuda/device-check.json libtorch/device-check.json     # the same models in PyTorch; pip install torch
# The CUDA binary needs the driver and libdevice (/usr/local/cuda or CUDA_PATH). LIBTORCH is an unpacked libtorch 2.9.0 with CUDA, or the
# folder site-packages/torch of PyTorch 2.9.0. Either takes less than eight minutes, without network.
set -euo pipefail
cd "$(dirname "$0")/.."
which=${1:-both}
out=${2:-target/device-check}
case $which in both | cuda | libtorch) ;; *) echo "device-check.sh: cuda or libtorch, not $which" >&2; exit 2 ;; esac

pack() {
  local name=$1 feature=$2 folder=$out/device-check-$1
  cargo build --release --features "$feature" --example device_check
  rm -rf "$folder" && mkdir -p "$folder/emoji"
  cp "${CARGO_TARGET_DIR:-target}/release/examples/device_check" "$folder/"
  strip "$folder/device_check"
  cp data/emoji/train-*.tar data/emoji/tokenizer.json "$folder/emoji/"
  cp benches/peers/device.py "$folder/"
  tar -C "$out" -cf - "device-check-$name" | xz -9 -T0 >"$out/device-check-$name.tar.xz"
  ls -l "$folder/device_check" "$out/device-check-$name.tar.xz"
}

if [[ $which != libtorch ]]; then pack cuda cuda; fi
if [[ $which != cuda ]]; then pack libtorch tch; fi
