#!/usr/bin/env bash
# docs/figures.sh [--check]: writes the figures of models/NAME.eval.json into models/NAME.md, the first table of head
# into README.md too, and the first lines of the demo's output into README.md, between their marks, and draws its
# picture. --check changes nothing and fails where the figures differ.
# The JSON is what `fiducia-train evaluate --json models/NAME.eval.json` wrote (keys: docs/format.md).
set -euo pipefail
cd "$(dirname "$0")/.."

# The tables of the file $1. Sets without a scale have errors in pixels and in percent of the image height.
figures() {
  [ -s "$1" ] || { echo "$1 is missing; write it with fiducia-train evaluate" >&2; exit 1; }
  tr -d '\n' < "$1" | awk '
    # The first number after a key, or everything up to the closing bracket of its list.
    function number(text, key) {
      if (!match(text, "\"" key "\": *-?[0-9.]+")) { print key " is missing" > "/dev/stderr"; exit 1 }
      text = substr(text, RSTART, RLENGTH); sub(/.*: */, "", text); return text + 0
    }
    function list(text, key) {
      if (!match(text, "\"" key "\": *\\[[^]]*\\]")) return ""
      text = substr(text, RSTART, RLENGTH); sub(/^[^[]*\[/, "", text); sub(/\].*/, "", text); return text
    }
    {
      at = index($0, "\"per_landmark\"")
      whole = substr($0, 1, at - 1); rest = substr($0, at)
      unit = index(whole, "\"mre_mm\"") ? "mm" : "px"
      split(list($0, "ci95_mre_" unit), ci, ",")
      refused = list($0, "refused"); gsub(/[" ]/, "", refused); count = split(refused, names, ",")
      print "| images | mean radial error | 95 % interval | median | within 2 " unit " | 2.5 " unit " | 3 " unit " | 4 " unit " | refused |"
      print "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
      printf "| %d | %.2f ± %.2f %s | %.2f–%.2f %s | %.2f %s | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %d |\n\n", \
        number(whole, "images"), number(whole, "mre_" unit), number(whole, "sd_" unit), unit, ci[1], ci[2], unit, \
        number(whole, "median_" unit), unit, number(whole, "sdr_2" unit), number(whole, "sdr_2_5" unit), \
        number(whole, "sdr_3" unit), number(whole, "sdr_4" unit), count
      if (unit == "px")
        printf "In percent of the image height: %.2f ± %.2f, median %.2f.\n\n", number(whole, "mre_percent_height"), \
          number(whole, "sd_percent_height"), number(whole, "median_percent_height")
      print "| landmark | mean radial error | within 2 " unit " |"
      print "| --- | ---: | ---: |"
      sub(/^"per_landmark": *\{/, "", rest)
      while (match(rest, /"[^"]*": *\{[^}]*\}/)) {
        entry = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
        name = entry; sub(/^"/, "", name); sub(/".*/, "", name)
        printf "| %s | %.2f %s | %.0f %% |\n", name, number(entry, "mre_" unit), unit, number(entry, "sdr_2" unit)
        if (rest !~ /^ *,/) break
      }
    }'
}

# Standard input with the lines after the mark $1, up to the next `<!-- /... -->`, replaced by the file $2.
replace() {
  awk -v mark="<!-- $1 -->" -v file="$2" '
    inside && /^<!-- \// { inside = 0 }
    !inside { print }
    $0 == mark { inside = 1; seen = 1; print ""; while ((getline line < file) > 0) print line; print "" }
    END { if (!seen) { print "no mark " mark > "/dev/stderr"; exit 1 } }'
}

# Puts the file $2 between the marks $1 of the page $3; with --check as $4 it only compares.
put() {
  replace "$1" "$2" < "$3" > "$scratch/page"
  if [ "$4" != --check ]; then
    cat "$scratch/page" > "$3"
  elif ! diff "$3" "$scratch/page"; then
    echo "the figures in $3 are not those of models/*.eval.json; run docs/figures.sh" >&2
    exit 1
  fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for card in models/*.md; do
  model=$(basename "$card" .md)
  [ "$model" != NOTICE ] || continue
  figures "models/$model.eval.json" > "$scratch/figures"
  put "figures:$model" "$scratch/figures" "$card" "${1:-}"
  if [ "$model" = head ]; then
    # The first table alone; errors per landmark are in the model card.
    awk 'NF == 0 { exit } { print }' "$scratch/figures" > "$scratch/summary"
    put "figures:$model" "$scratch/summary" README.md "${1:-}"
  fi
done
[ "${1:-}" != --check ] || exit 0
# The picture of the README, and the first lines of what its first command prints.
cargo run --release --quiet --bin fiducia -- detect models/demo.png --spacing 0.2 --backend cpu \
  --overlay docs/demo-overlay.png > "$scratch/printed"
{
  echo '```text'
  awk '/^landmark /, 0 { print; if (++n == 7) { print "…"; exit } }' "$scratch/printed"
  echo '```'
} > "$scratch/output"
replace output:demo "$scratch/output" < README.md > "$scratch/page"
cat "$scratch/page" > README.md
