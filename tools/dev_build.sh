#!/usr/bin/env bash
# Builds the extension in build/dev and puts it into weft/, for working on the tree: tools/dev_build.sh [cmake options]
set -euo pipefail
cd "$(dirname "$0")/.."
launcher=()
command -v ccache > /dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
[[ -f build/dev/build.ninja && $# -eq 0 ]] || cmake -S . -B build/dev -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DPython_EXECUTABLE="$(command -v python)" -Dnanobind_DIR="$(python -m nanobind --cmake_dir)" "${launcher[@]}" "$@"
ninja -C build/dev
# In one step: a running interpreter keeps the file it has mapped.
for library in build/dev/core/_core*.so; do
    cp "$library" weft/.new.so && mv weft/.new.so "weft/$(basename "$library")"
done
