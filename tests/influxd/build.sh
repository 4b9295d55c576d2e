#!/usr/bin/env bash
# Builds the InfluxDB that the tests talk to from its Go module; prints where it is.
# Does nothing where it is there already. Needs go, cargo and a C compiler.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
version="$(sed -n 's|.*github.com/influxdata/influxdb/v2 v\([0-9.]*\).*|\1|p' "$here/go.mod" | head -n 1)"
cache="${INFLUXD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sensorhub}"
binary="$cache/influxd-$version"
mkdir -p "$cache"
exec 9>"$cache/influxd.lock"
flock 9
if [ -x "$binary" ]; then
  echo "$binary"
  exit 0
fi
for tool in go cargo cc; do
  command -v "$tool" >/dev/null || { echo "no $tool on this machine" >&2; exit 1; }
done
# a pkg-config of its own builds Flux's Rust part; it must not hide the system's
GOBIN="$cache/bin" go install github.com/influxdata/pkg-config@v0.3.0 >&2
export PKG_CONFIG="$cache/bin/pkg-config"
# Flux asks for an older Rust: any newer one builds it, and none is downloaded
if command -v rustup >/dev/null; then
  RUSTUP_TOOLCHAIN="$(rustup show active-toolchain | cut -d' ' -f1)"
  export RUSTUP_TOOLCHAIN
fi
cd "$here"
nice -n 10 go build -tags 'sqlite_foreign_keys,sqlite_json' -o "$binary.part" \
  github.com/influxdata/influxdb/v2/cmd/influxd >&2
mv "$binary.part" "$binary"
echo "$binary"
