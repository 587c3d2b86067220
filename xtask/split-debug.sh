#!/bin/sh
# split-debug.sh FILE: moves the debug information of FILE into FILE.debug, which debuggers then find beside it. The names
# that a crash report shows stay. `cargo xtask dist` and the Dockerfile run it.
set -eu
objcopy --only-keep-debug --compress-debug-sections=zlib "$1" "$1.debug"
strip --strip-debug "$1"
objcopy --add-gnu-debuglink="$1.debug" "$1"
