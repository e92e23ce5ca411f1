#!/usr/bin/env bash
# Times every file of this kit on the phone that adb sees, by TensorFlow's benchmark_model, and writes a CSV.
#
#   measure_device.sh BENCHMARK_MODEL [OUTPUT.csv]
#
# BENCHMARK_MODEL is the benchmark_model binary for the phone's processor (TensorFlow's site has it ready to run).
# Environment: THREADS (1), RUNS (50), WARMUP_RUNS (10), MASK, the hex mask of the cores to run on, such as f0 for the
# big ones, empty for none. Files are pushed one at a time, so the phone needs room for one. Run the same command again
# to go on after a stop. Afterwards: python -m scarlet_tf.latency fit --kit=KIT --measurements=OUTPUT.csv --output=...
set -euo pipefail

fail() {
    echo "error: $*" >&2
    exit 2
}

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    fail "usage: $0 BENCHMARK_MODEL [OUTPUT.csv]"
fi
binary=$1
output=${2:-measured.csv}
threads=${THREADS:-1}
runs=${RUNS:-50}
warmup_runs=${WARMUP_RUNS:-10}
kit=$(cd "$(dirname "$0")" && pwd)
remote=/data/local/tmp

[ -f "$binary" ] || fail "BENCHMARK_MODEL must be a file. Received: $binary."
[ -f "$kit/files.txt" ] || fail "$kit must be a whole kit; it has no files.txt. Write the kit to its end."
for value in "$threads" "$runs" "$warmup_runs"; do
    case $value in
        '' | *[!0-9]* | 0) fail "THREADS, RUNS and WARMUP_RUNS must be whole numbers above 0. Received: $value." ;;
    esac
done
command -v adb >/dev/null || fail "adb must be on the PATH."

# adb reads its input: without < /dev/null it would swallow the list of files below.
device=$(adb shell getprop ro.product.model < /dev/null | tr -d '\r\n,"')
[ -n "$device" ] || fail "adb must see one phone; see adb devices."
adb push "$binary" "$remote/benchmark_model" < /dev/null > /dev/null
adb shell chmod +x "$remote/benchmark_model" < /dev/null

header=file,mean_us,variance,count,device,threads
if [ -f "$output" ]; then
    [ "$(head -n 1 "$output")" = "$header" ] || fail "$output must begin with $header. Give another OUTPUT.csv."
    awk -F, -v device="$device" -v threads="$threads" 'NR > 1 && ($5 != device || $6 != threads) { exit 1 }' "$output" ||
        fail "$output must be of this phone, $device, with $threads thread(s). Give another OUTPUT.csv."
else
    echo "$header" > "$output"
fi

total=$(wc -l < "$kit/files.txt" | tr -d ' ')
number=0
while IFS= read -r file; do
    number=$((number + 1))
    if awk -F, -v file="$file" '$1 == file { found = 1 } END { exit !found }' "$output"; then
        continue
    fi
    echo "$number/$total $file"
    adb push "$kit/$file" "$remote/part.tflite" < /dev/null > /dev/null
    answer=$(adb shell "${MASK:+taskset $MASK }$remote/benchmark_model --graph=$remote/part.tflite" \
        "--num_threads=$threads --num_runs=$runs --warmup_runs=$warmup_runs --use_xnnpack=true" \
        < /dev/null 2>&1 | tr -d '\r') || fail "benchmark_model failed on $file: $(tail -n 1 <<< "$answer")"
    # The second line of the form `count=50 first=.. curr=.. min=.. max=.. avg=14575.2 std=234` is that of the runs; the
    # first is that of the warm-up. Where all runs took as long it says `count=50 curr=14575 (all same)`.
    row=$(printf '%s\n' "$answer" | awk '
        /count=[0-9]+ / {
            lines++
            split("", value)
            for (i = 1; i <= NF; i++) if (split($i, pair, "=") == 2) value[pair[1]] = pair[2]
            mean = ("avg" in value) ? value["avg"] : value["curr"]
            row = sprintf("%.6g,%.6g,%d", mean, value["std"] * value["std"], value["count"])
        }
        END { if (lines > 1) print row }')
    [ -n "$row" ] ||
        fail "benchmark_model must print count=... avg=... std=... for $file. Received: $(tail -n 1 <<< "$answer")"
    echo "$file,$row,$device,$threads" >> "$output"
done < "$kit/files.txt"
adb shell rm -f "$remote/part.tflite" "$remote/benchmark_model" < /dev/null
echo "written: $output"
