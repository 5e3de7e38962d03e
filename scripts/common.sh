# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What the scripts share: paths, messages, logged commands, results. Sourced, not run.

set -euo pipefail
export LC_ALL=C

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
JOBS=${JOBS:-$(nproc)}

# What is built, and run: that version of Linux, or that of the source that KDIR names,
# for that architecture
export KERNEL=${KERNEL:-6.12}
[ ! -f "${KDIR:-}/Makefile" ] ||
	KERNEL=$(awk -F ' *= *' '$1 == "VERSION" { v = $2 }
		$1 == "PATCHLEVEL" { print v "." $2; exit }' "$KDIR/Makefile")
export ARCH=${ARCH:-x86_64}

# Of all versions and architectures, of this version, and of both
BUILDS=$TOP/build
TREE=$BUILDS/linux-$KERNEL
BUILD=$BUILDS/$KERNEL-$ARCH

# Debian's distribution that has the source of this version: own, this machine's, or which
case $KERNEL in
7.3)	SOURCE_FROM=trixie-backports ;;
*)	SOURCE_FROM=own ;;
esac

# Folders of the overlay; each file is found at the same path of the kernel tree
OVERLAY=(include/multikernel kernel/multikernel arch/x86/multikernel arch/arm64/multikernel
	drivers/rpmsg/multikernel lib/kunit-tests samples/multikernel
	tools/multikernel tools/testing/multikernel
	Documentation/multikernel Documentation/litmus-tests/multikernel)
# Single files of the overlay in folders that it shares with the kernel
OVERLAY_FILES=(include/uapi/linux/multikernel.h include/trace/events/multikernel.h
	drivers/net/mk_net.c
	arch/x86/include/asm/multikernel.h arch/arm64/include/asm/multikernel.h)

# The kernel's make is a make of its own: nothing of ours must reach it
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES O KBUILD_OUTPUT KCONFIG_CONFIG KCONFIG_ALLCONFIG

say()
{
	printf '      %s\n' "$*"
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	shift
	[ $# -eq 0 ] || printf '    %s\n' "$@" >&2
	exit 1
}

duration()
{
	if [ "$1" -ge 60 ]; then
		echo "$(($1 / 60)) min $(($1 % 60)) s"
	else
		echo "$1 s"
	fi
}

# kmake OUT ARGS...: the kernel's make, with its output in OUT
kmake()
{
	local out=$1

	shift
	make -C "$TREE" O="$out" ARCH="$ARCH" CROSS_COMPILE="$CROSS" -j"$JOBS" V="${V:-0}" \
		"$@" </dev/null
}

# done_so_far LOG: how many files the kernel's make has worked on
done_so_far()
{
	grep -c '^  [A-Z][A-Z0-9_-]* ' "$1" || true
}

# Names of files as people see them
shown()
{
	echo "${1#"$TOP"/}"
}

# logged NAME COMMAND...: run it with its output in $BUILD/log/NAME.log, show how
# far it is, and the end of the log if it fails. TOTAL, if set, is about how many
# files it will work on.
logged()
{
	local log=$BUILD/log/$1.log pid status=0 began=$SECONDS next=15 line never last=

	shift
	mkdir -p "$BUILD/log"
	# In a process group of its own, to be stopped as a whole
	set -m
	if [ "${V:-0}" != 0 ]; then
		{ "$@" 2>&1 | tee "$log"; } </dev/null &
	else
		"$@" >"$log" 2>&1 </dev/null &
	fi
	pid=$!
	set +m
	trap 'kill -- -$pid 2>/dev/null; trap - INT TERM HUP; kill -INT $$' INT TERM HUP
	if [ "${V:-0}" = 0 ]; then
		# Nothing is ever read there: it waits without a process, as sleep would be one
		exec {never}<> <(:)
		while kill -0 "$pid" 2>/dev/null; do
			read -rt 0.2 -u "$never" || true
			[ -t 1 ] || [ $((SECONDS - began)) -ge "$next" ] || continue
			line=$(done_so_far "$log")
			if [ "$line" = 0 ]; then
				line=
			else
				line="$line files${TOTAL:+ of about $TOTAL}, "
			fi
			line="$line$(duration $((SECONDS - began)))"
			if [ ! -t 1 ]; then
				say "$line"
				next=$((next + 15))
			elif [ "$line" != "$last" ]; then
				printf '\r      %s\033[K' "$line"
				last=$line
			fi
		done
		exec {never}<&-
		[ ! -t 1 ] || printf '\r\033[K'
	fi
	wait "$pid" || status=$?
	trap - INT TERM HUP
	if [ "$status" -ne 0 ]; then
		echo "${0##*/}: failed; the end of $(shown "$log"):" >&2
		tail -n "${TAIL:-25}" "$log" | sed 's/^/    /' >&2
	fi
	return "$status"
}

# result pass|fail|skip NAME [WHY]: a line for people, and one for programs if
# RESULTS names a file. SUITE says whose result it is, WHERE on what.
result()
{
	local why=${3:-}

	case $1 in
	pass) echo "ok $SUITE: $2${why:+ ($why)}" ;;
	fail) echo "not ok $SUITE: $2${why:+ ($why)}" ;;
	skip) echo "ok $SUITE: $2 # SKIP $why" ;;
	esac
	[ -n "${RESULTS:-}" ] || return 0
	printf '{"suite":"%s","where":"%s","name":"%s","status":"%s","why":"%s"}\n' \
		"$SUITE" "$WHERE" "$2" "$1" "$(json_text "$why")" >>"$RESULTS"
}

# row CHECK TRIED FOUND CONTROLS: a line of the table that ends make verify, if TABLE
# names its file. CONTROLS: how many deliberate defects were found, of how many.
row()
{
	[ -n "${TABLE:-}" ] || return 0
	printf '{"check":"%s","tried":"%s","found":"%s","controls":"%s"}\n' \
		"$(json_text "$1")" "$(json_text "$2")" "$(json_text "$3")" "$(json_text "$4")" \
		>>"$TABLE"
}

json_text()
{
	printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'
}

# configure OUT FRAGMENT...: tinyconfig with the fragments over it, in OUT. Fails
# if an option did not become what a fragment asks for.
configure()
{
	local out=$1 key missing

	shift
	mkdir -p "$out"
	key=$(cat "$TREE/.mk_ipi" "$TOP/Kconfig" "$@" | sha256sum)
	if [ ! -e "$out/.config" ] || [ "$key" != "$(cat "$out/.mk_ipi" 2>/dev/null)" ]; then
		rm -f "$out/.mk_ipi"
		logged "${out##*/}-config" configure_anew "$out" "$@"
		echo "$key" >"$out/.mk_ipi"
	fi
	# What the last of them says of an option
	missing=$(awk '
		/^CONFIG_/ { option = $1; sub(/=.*/, "", option) }
		/^# CONFIG_.* is not set$/ { option = $2 }
		!/^CONFIG_/ && !/^# CONFIG_.* is not set$/ { next }
		FNR == NR { is[option] = $0; next }
		{ wanted[option] = $0 }
		END { for (option in wanted)
			if (option in is ? wanted[option] != is[option] : wanted[option] !~ /^#/)
				print wanted[option] }
		' "$out/.config" "$@" | sort)
	[ -z "$missing" ] && return
	rm -f "$out/.mk_ipi"
	echo "${0##*/}: the kernel's configuration did not take these options:" >&2
	printf '%s\n' "$missing" | sed 's/^/    /' >&2
	die "see what they depend on; the result is $(shown "$out")/.config"
}

configure_anew()
{
	local out=$1

	shift
	kmake "$out" tinyconfig &&
		"$TREE/scripts/kconfig/merge_config.sh" -m -O "$out" "$out/.config" "$@" &&
		kmake "$out" olddefconfig
}

# What depends on the architecture: where the kernel's source has it, with what compilers
# for it begin, what is booted, and who boots it
case $ARCH in
x86_64)
	SRCARCH=x86
	CROSS=
	IMAGE=arch/x86/boot/bzImage
	QEMU=qemu-system-x86_64
	QEMU_PACKAGE=qemu-system-x86
	;;
arm64)
	SRCARCH=arm64
	CROSS=aarch64-linux-gnu-
	IMAGE=arch/arm64/boot/Image
	QEMU=qemu-system-aarch64
	QEMU_PACKAGE=qemu-system-arm
	;;
um)
	SRCARCH=um
	CROSS=
	;;
*)	die "ARCH=$ARCH: ARCH may be x86_64 or arm64" ;;
esac

# For results: on what something ran
export WHERE="Linux $KERNEL, $ARCH"

# The kernel that is host and guest
FRAGMENTS=("$TOP/configs/common.config" "$TOP/configs/$ARCH.config")
[ ! -e "$TOP/configs/$KERNEL.config" ] || FRAGMENTS+=("$TOP/configs/$KERNEL.config")

case $TOP in
*[[:space:]:]*) die "the kernel cannot be built in a folder with a space or colon in its path: $TOP" ;;
esac
mkdir -p "$BUILD"

# have_tree: stop unless the kernel source is there
have_tree()
{
	[ -e "$TREE/.mk_ipi" ] || die "there is no kernel source yet: run make tree"
}
