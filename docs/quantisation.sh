#!/usr/bin/env bash
# docs/quantisation.sh MODEL DATA TRAIN TEST: a table of the codings of private values, as Markdown: bytes, how far
# landmarks move on the split TRAIN (no labels), and the errors on the split TEST. MODEL is not quantised; DATA is a
# data folder. Takes minutes; the figures of docs/measurements.md come from it.
set -euo pipefail
[ $# = 4 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
model=$1 data=$2 train=$3 test=$4
tool="${CARGO_TARGET_DIR:-target}/release/fiducia-train"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Mean radial error and success rate at the first threshold of a pack on the test split.
errors() {
  "$tool" evaluate --model "$1" --data "$data" --split "$test" --json - 2> /dev/null |
    awk -F'[:,]' '/"mre_(mm|px)"/ && !m { m = $2 } /"sdr_2(mm|px)"/ && !s { s = $2 } END { printf "%.3f | %.1f %%", m, s }'
}

unit=$("$tool" evaluate --model "$model" --data "$data" --split "$test" --limit 1 --json - 2> /dev/null |
  awk -F'"' '/"mre_/ { sub(/mre_/, "", $2); print $2; exit }')
echo "| private values | pack, bytes | per landmark, bytes | mean move, px | worst landmark, px | mean radial error, $unit | within 2 $unit |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
for coding in 8 4 2 ternary 1; do
  "$tool" quantise --model "$model" --data "$data" --split "$train" --out "$scratch/q.fid" --deltas $coding \
    --max-move 1000 --quiet > "$scratch/moves"
  if [ $coding = 8 ]; then
    awk -v errors="$(errors "$model")" -F'[ ,]+' 'NR == 1 { printf "| f32 | %s | %s | – | – | %s |\n", $(NF - 2), $NF, errors }' "$scratch/moves"
  fi
  awk -v name=$coding -v errors="$(errors "$scratch/q.fid")" '
    NR == 1 { bytes = $2; each = $4 }
    rows { sum += $(NF - 1); n++; if ($(NF - 1) > worst) worst = $(NF - 1) }
    /^landmark/ { rows = 1 }
    END { printf "| %s | %d | %d | %.2f | %.2f | %s |\n", name == "ternary" ? name : name " bit", bytes, each, sum / n, worst, errors }' \
    "$scratch/moves"
done
