#!/bin/sh
# install.sh PREFIX [BUILT]: installs libfiducia (shared and static), fiducia.h and fiducia.pc under PREFIX. BUILT is
# the folder of cargo's output, by default target/edge of this repository. DESTDIR is prepended to PREFIX, for
# packaging.
set -eu
[ $# -ge 1 ] || { echo "usage: install.sh PREFIX [BUILT]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
prefix=$1
built=${2:-${CARGO_TARGET_DIR:-$here/../../target}/edge}
root=${DESTDIR:-}$prefix
abi=$(sed -n 's/^#define FIDUCIA_ABI_VERSION //p' "$here/fiducia.h")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/../../Cargo.toml" | head -1)
# The system libraries that the static library needs (rustc --print native-static-libs). Assembly kernels do not
# declare that they need no executable stack, hence the linker flag.
private="-Wl,-z,noexecstack -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

[ -f "$built/libfiducia_c.so" ] || {
  echo "no libfiducia_c.so in $built; run cargo build --profile edge -p fiducia-c first" >&2
  exit 1
}
mkdir -p "$root/lib/pkgconfig" "$root/include"
install -m 755 "$built/libfiducia_c.so" "$root/lib/libfiducia.so.$abi"
ln -sf "libfiducia.so.$abi" "$root/lib/libfiducia.so"
install -m 644 "$built/libfiducia_c.a" "$root/lib/libfiducia.a"
install -m 644 "$here/fiducia.h" "$root/include/fiducia.h"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" -e "s|@PRIVATE@|$private|" \
  "$here/fiducia.pc.in" > "$root/lib/pkgconfig/fiducia.pc"
