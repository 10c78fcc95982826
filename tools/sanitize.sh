#!/usr/bin/env bash
# Builds with sanitizers and runs the tests under them: tools/sanitize.sh thread|address|undefined [pytest arguments]
# A process with a report ends with an error; all reports are printed at the end and kept in build/<kind>/reports.
# docs/notes/sanitizers.md says what is left out and why.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1; shift
build=$PWD/build/$kind
launcher=()
command -v ccache > /dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DWEFT_SANITIZE="$kind" -DWEFT_ISAS="${WEFT_ISAS:-v3}" \
    -DPython_EXECUTABLE="$(command -v python)" -Dnanobind_DIR="$(python -m nanobind --cmake_dir)" "${launcher[@]}"
ninja -C "$build"
rm -rf "$build/site" "$build/reports" && mkdir "$build/site" "$build/reports"
cp -r weft "$build/site/" && rm -f "$build"/site/weft/_core*.so && cp "$build"/core/_core*.so "$build/site/weft/"

# A Python that is not built with the sanitizer needs its library loaded first, and libstdc++, whose throw it wraps.
case $kind in
    thread) library=libtsan.so ;;
    address) library=libasan.so ;;
    undefined) library=libubsan.so ;;
esac
nm -D "$(python -c 'import sys; print(sys.executable)')" 2> /dev/null | grep -q "__${library:3:4}_init" || preload="$(cc -print-file-name=$library) $(cc -print-file-name=libstdc++.so.6)"
export PYTHONPATH=$build/site PYTHONSAFEPATH=1 PYTHONMALLOC=${PYTHONMALLOC:-malloc}
[[ $kind != address ]] || export WEFT_CACHE_BYTES=0
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$build/reports/log:detect_deadlocks=0:report_thread_leaks=0:die_after_fork=0:halt_on_error=0:exitcode=66"
export ASAN_OPTIONS="log_path=$build/reports/log:detect_leaks=0:allocator_may_return_null=1"
export UBSAN_OPTIONS="log_path=$build/reports/log:print_stacktrace=1:halt_on_error=1"
failed=0
env ${preload:+"LD_PRELOAD=$preload"} "$(command -v python)" -P "$(command -v pytest)" -p no:cacheprovider "$@" || failed=$?
cat "$build"/reports/* 2> /dev/null || echo "no report"
exit $failed
