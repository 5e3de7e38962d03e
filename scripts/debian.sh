# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Packages of Debian that this machine cannot install, for another distribution or
# another architecture: fetched from the mirror that it uses, and unpacked. Nothing of
# it needs root. Sourced, after common.sh.

# Where apt is told of this machine's Debian: FILE:LINE of each such entry. Its format
# and its options are the user's, and so stay.
debian_entries()
{
	local codename

	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# apt's own variables
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(SOURCESENTRY)' \
		'Created-By: Packages' |
		awk -v codename="$codename" '$2 == "main" && !seen[$3]++ &&
			($1 == codename || $1 ~ /^(old)*stable$/ || $1 == "testing") { print $3 }'
}

# debian_entry FOLDER DISTRIBUTION FILE LINE: write the same entry, for that distribution
# and any architecture, to FOLDER/sources
debian_entry()
{
	local suite=$2

	[ "$suite" != own ] || suite=
	rm -rf "$1/sources"
	mkdir -p "$1/sources"
	case $3 in
	*.sources)
		awk -v from="$4" 'NR < from { next } /^[ \t]*$/ { exit } { print }' "$3" |
			sed "${suite:+s/^Suites:.*/Suites: $suite/I;} /^Architectures:/Id
				s/^Components:.*/Components: main/I" >"$1/sources/one.sources"
		;;
	*)
		awk -v line="$4" -v suite="$suite" 'NR == line {
			i = 2
			if ($i ~ /^\[/) {
				while ($i !~ /\]$/)
					i++
				i++
			}
			options = substr($0, 1, index($0, $i) - 1)
			gsub(/arch=[^] \t]*/, "", options)
			sub(/\[[ \t]*\]/, "", options)
			print options $i " " (suite ? suite : $(i + 1)) " main"
		}' "$3" >"$1/sources/one.list"
		;;
	esac
}

# debian_apt FOLDER ARCHITECTURE COMMAND...: apt-get that knows of nothing but
# FOLDER/sources, and of no package that is installed
debian_apt()
{
	local folder=$1 arch=$2

	shift 2
	apt-get -q -oDir::Etc::sourcelist=/dev/null -oDir::Etc::sourceparts="$folder/sources" \
		-oDir::State::status=/dev/null -oDir::State::Lists="$folder/lists" \
		-oDir::Cache="$folder/cache" -oAPT::Architecture="$arch" \
		-oAPT::Architectures="$arch" -oAcquire::Languages=none -oAcquire::Retries=3 \
		-oAPT::Sandbox::User=root "$@"
}

# debian_fetch DISTRIBUTION ARCHITECTURE FOLDER PACKAGE...: the packages' files in FOLDER,
# which is made anew. DISTRIBUTION is own, this machine's, or a name, ARCHITECTURE own or
# one of Debian's.
debian_fetch()
{
	local distribution=$1 arch=$2 folder=$3 work=$3.apt entry

	shift 3
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
		echo "this is no Debian to fetch $* from"
		return 1
	fi
	[ "$arch" != own ] || arch=$(dpkg --print-architecture)
	rm -rf "$folder" "$work"
	mkdir -p "$folder" "$work/lists/partial" "$work/cache/archives/partial"
	while read -r entry; do
		echo "as ${entry%:*} says in line ${entry##*:}"
		debian_entry "$work" "$distribution" "${entry%:*}" "${entry##*:}"
		debian_apt "$work" "$arch" update || continue
		(cd "$folder" && debian_apt "$work" "$arch" download "$@") || continue
		rm -rf "$work"
		return
	done < <(debian_entries)
	rm -rf "$work" "$folder"
	echo "no Debian mirror that apt knows of has given $*"
	return 1
}

# debian_unpack DISTRIBUTION ARCHITECTURE FOLDER PACKAGE...: what the packages hold, in
# FOLDER, which is made anew, and is there only once it is whole
debian_unpack()
{
	local folder=$3 deb

	debian_fetch "$1" "$2" "$folder.debs" "${@:4}" || return
	rm -rf "$folder.new"
	for deb in "$folder.debs"/*.deb; do
		dpkg -x "$deb" "$folder.new" || return
	done
	rm -rf "$folder" "$folder.debs"
	mv "$folder.new" "$folder"
}
