# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What all scripts share: where things are, and how a build is made. Sourced, not run.
set -euo pipefail

# A python3, node or meson of the user's own may stand first on PATH: the build uses Debian's.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export LC_ALL=C.UTF-8

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Names in a package list: comments and blank lines go.
package_names() {
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$@"
}

# build FOLDER [MESON OPTION...]: configures out/FOLDER where that was not done with these options, and builds it.
# Quiet unless something is wrong: a build that succeeds says nothing but what it compiles.
build() {
	local folder=out/$1 log=out/$1.log options=out/$1.options
	shift
	mkdir -p out
	if [ ! -f "$folder/build.ninja" ] || { [ -f "$options" ] && [ "$(<"$options")" != "$*" ]; }; then
		rm -rf "$folder"
		echo "$*" >"$options"
		echo "building $folder: the first time takes some minutes"
		if ! meson setup "$folder" "$@" >"$log" 2>&1; then
			cat "$log" >&2
			fail "$folder: cannot be configured"
		fi
	fi
	if ! ninja -C "$folder" >"$log" 2>&1; then
		# What went wrong is at each FAILED line; the rest is what went well.
		sed -n '/^FAILED:/,/^\[[0-9]*\/[0-9]*\]/p; /ERROR:/p' "$log" >&2
		fail "$folder: does not build"
	fi
}

build_release() {
	build release --buildtype=release -Dtests=false -Dfuzz=false
	collect_programs release bin
}

# As for a vehicle that wants updates and nothing else: docs/guide/small-build.md.
build_small() {
	build small --buildtype=release -Doptimization=s -Db_lto=true -Dserver=false -Dtool=false -Dlibrary=false \
		-Dsim=false -Ddbus=disabled -Ddocs=disabled -Dtests=false -Dfuzz=false --strip
	collect_programs small small/bin
}

build_sanitized() {
	build sanitized --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
	collect_programs sanitized sanitized/bin
}

build_clang() {
	CC=clang CXX=clang++ build clang --buildtype=debugoptimized
}

build_fuzz() {
	CC=clang CXX=clang++ build fuzz --buildtype=debugoptimized -Db_sanitize=address,undefined \
		-Db_lundef=false -Dtests=false -Ddocs=disabled -Dlibfuzzer=true \
		-Dc_args=-fsanitize=fuzzer-no-link -Dc_link_args=-fsanitize=address,undefined
}

# collect_programs FOLDER TARGET: the installed programs of out/FOLDER side by side in out/TARGET, since
# some of them start others from beside themselves.
collect_programs() {
	local target=out/$2 program
	mkdir -p "$target"
	while read -r program; do
		[ "$program" -ef "$target/${program##*/}" ] || ln -f "$program" "$target/"
	done < <(meson introspect --targets "out/$1" | python3 -c '
import json, sys
for target in json.load(sys.stdin):
    if target["type"] == "executable" and target["installed"]:
        print(target["filename"][0])')
}
