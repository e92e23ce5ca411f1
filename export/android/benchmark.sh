#!/usr/bin/env bash
# Times a TFLite file on the phone that adb sees: benchmark.sh MODEL.tflite BENCHMARK_MODEL_BINARY [THREADS]
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 MODEL.tflite BENCHMARK_MODEL_BINARY [THREADS]" >&2; exit 2; }
directory=/data/local/tmp
adb push "$1" "$directory/model.tflite" >/dev/null
adb push "$2" "$directory/benchmark_model" >/dev/null
adb shell chmod +x "$directory/benchmark_model"
adb shell "$directory/benchmark_model" --graph="$directory/model.tflite" --num_threads="${3:-1}" --num_runs=50
