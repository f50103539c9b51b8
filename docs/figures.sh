#!/usr/bin/env bash
# docs/figures.sh [--check]: writes the figures of models/head.eval.json into README.md and models/head.md, and
# the first lines of the demo's output into README.md, between their marks; --check changes nothing and fails
# where the figures differ.
# The JSON is what `fiducia-train evaluate --json models/head.eval.json` wrote (keys: docs/format.md).
set -euo pipefail
cd "$(dirname "$0")/.."
json=models/head.eval.json
[ -s "$json" ] || { echo "$json is missing; write it with fiducia-train evaluate" >&2; exit 1; }

figures() {
  tr -d '\n' < "$json" | awk '
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
      split(list($0, "ci95_mre_mm"), ci, ",")
      refused = list($0, "refused"); gsub(/[" ]/, "", refused); count = split(refused, names, ",")
      print "| images | mean radial error | 95 % interval | median | within 2 mm | 2.5 mm | 3 mm | 4 mm | refused |"
      print "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
      printf "| %d | %.2f ± %.2f mm | %.2f–%.2f mm | %.2f mm | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %d |\n\n", \
        number(whole, "images"), number(whole, "mre_mm"), number(whole, "sd_mm"), ci[1], ci[2], \
        number(whole, "median_mm"), number(whole, "sdr_2mm"), number(whole, "sdr_2_5mm"), \
        number(whole, "sdr_3mm"), number(whole, "sdr_4mm"), count
      print "| landmark | mean radial error | within 2 mm |"
      print "| --- | ---: | ---: |"
      sub(/^"per_landmark": *\{/, "", rest)
      while (match(rest, /"[^"]*": *\{[^}]*\}/)) {
        entry = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
        name = entry; sub(/^"/, "", name); sub(/".*/, "", name)
        printf "| %s | %.2f mm | %.0f %% |\n", name, number(entry, "mre_mm"), number(entry, "sdr_2mm")
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

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
figures > "$scratch/figures"
for page in README.md models/head.md; do
  replace figures:head "$scratch/figures" < $page > "$scratch/page"
  if [ "${1:-}" != --check ]; then
    cat "$scratch/page" > $page
  elif ! diff $page "$scratch/page"; then
    echo "the figures in $page are not those of $json; run docs/figures.sh" >&2
    exit 1
  fi
done
[ "${1:-}" != --check ] || exit 0
# The first lines of what the first command of the README prints.
{
  echo '```text'
  cargo run --release --quiet -- detect models/demo.png --spacing 0.2 --backend cpu |
    awk '/^landmark /, 0 { print; if (++n == 7) { print "…"; exit } }'
  echo '```'
} > "$scratch/output"
replace output:demo "$scratch/output" < README.md > "$scratch/page"
cat "$scratch/page" > README.md
