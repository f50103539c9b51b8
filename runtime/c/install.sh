#!/bin/sh
# install.sh PREFIX [BUILT]: puts libfiducia (shared and static), fiducia.h and fiducia.pc under PREFIX. BUILT is
# the folder that cargo built them in; by default target/release of this repository. DESTDIR goes in front of
# PREFIX where a package is made.
set -eu
[ $# -ge 1 ] || { echo "usage: install.sh PREFIX [BUILT]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
prefix=$1
built=${2:-${CARGO_TARGET_DIR:-$here/../../target}/release}
root=${DESTDIR:-}$prefix
abi=$(sed -n 's/^#define FIDUCIA_ABI_VERSION //p' "$here/fiducia.h")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/../../Cargo.toml" | head -1)
# What a static library leaves to the C linker (rustc --print native-static-libs). Kernels in assembly do not say that
# they need no executable stack.
private="-Wl,-z,noexecstack -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

[ -f "$built/libfiducia_c.so" ] || {
  echo "no libfiducia_c.so in $built; run cargo build --release -p fiducia-c first" >&2
  exit 1
}
mkdir -p "$root/lib/pkgconfig" "$root/include"
install -m 755 "$built/libfiducia_c.so" "$root/lib/libfiducia.so.$abi"
ln -sf "libfiducia.so.$abi" "$root/lib/libfiducia.so"
install -m 644 "$built/libfiducia_c.a" "$root/lib/libfiducia.a"
install -m 644 "$here/fiducia.h" "$root/include/fiducia.h"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" -e "s|@PRIVATE@|$private|" \
  "$here/fiducia.pc.in" > "$root/lib/pkgconfig/fiducia.pc"
