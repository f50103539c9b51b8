#!/usr/bin/env bash
# docs/add-landmark.sh MODEL DATA TRAIN TEST NAME IMAGE=X,Y IMAGE=X,Y: repeatability of an added landmark. Trains a patch
# from each of two clicks on the split TRAIN, finds the landmark with both on the images of the split TEST (no labels) and
# prints bytes, seconds and the distance between the two, px of the image, as Markdown. docs/measurements.md has the figures.
set -euo pipefail
[ $# = 7 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
model=$1 data=$2 train=$3 test=$4 name=$5
built="${CARGO_TARGET_DIR:-target}/release"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mapfile -t images < <(awk -F, -v wanted="$test" -v dir="$data/images/" '$2 == wanted { print dir $1 }' "$data/split.csv")
echo "| template | patch, bytes | training, s |"
echo "| --- | ---: | ---: |"
for k in 1 2; do
  click=${*:5+k:1}
  start=$SECONDS
  "$built/fiducia-train" add-landmark --model "$model" --data "$data" --split "$train" --template "${click%%=*}" \
    --point "$name=${click#*=}" --out "$scratch/$k.fidp" --quiet > /dev/null
  echo "| ${click%%=*} | $(stat -c %s "$scratch/$k.fidp") | $((SECONDS - start)) |"
  cp "$model" "$scratch/$k.fid"
  "$built/fiducia" patch "$scratch/$k.fid" add "$scratch/$k.fidp" > /dev/null
  "$built/fiducia" detect "${images[@]}" --model "$scratch/$k.fid" --landmarks "$name" --quiet --csv "$scratch/$k.csv"
done
# Columns of the CSV: image, landmark, x_px, y_px, …
paste -d, "$scratch/1.csv" "$scratch/2.csv" | awk -F, '
  NR == 1 { half = NF / 2; next }
  { print sqrt(($3 - $(half + 3)) ^ 2 + ($4 - $(half + 4)) ^ 2) }' | sort -n | awk '
  { d[NR] = $1; sum += $1 }
  END { printf "\nApart on %d images, px: mean %.1f, median %.1f, 95 %% %.1f, largest %.1f\n", NR, sum / NR, d[int((NR + 1) / 2)], d[int(0.95 * NR + 0.5)], d[NR] }'
