#!/usr/bin/env bash
# The one test command: format, clippy with warnings denied, all tests, docs.
# Installs by name what the tests need of the system: a software Vulkan driver, Xvfb, and nibabel as an independent reader.
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/exemplar"
mkdir -p "$cache"
# A fresh clone on a build machine finds the dependencies of the last one compiled.
if [ "${CI:-}" = true ]; then export CARGO_TARGET_DIR="$cache/target"; fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
missing=()
for package in libvulkan1 mesa-vulkan-drivers xvfb libxkbcommon-x11-0 python3-venv; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

export EXEMPLAR_PYTHON="$cache/python/bin/python"
if ! "$EXEMPLAR_PYTHON" -c 'import nibabel' 2>/dev/null; then
    python3 -m venv "$cache/python"
    "$cache/python/bin/pip" install -q nibabel numpy
fi

# Tests that draw or compute on a GPU take the software driver, wherever they run.
VK_DRIVER_FILES=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)
export VK_DRIVER_FILES

step() { echo "== $*"; "$@"; }
step cargo fmt --all --check
step cargo clippy --workspace --all-targets --locked -- -D warnings
step cargo build --workspace --locked
step cargo test --workspace --locked
RUSTDOCFLAGS="-D warnings" step cargo doc --workspace --no-deps --locked
echo "== all passed in $((SECONDS / 60)) min $((SECONDS % 60)) s"
