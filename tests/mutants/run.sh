#!/bin/bash
# Breaks the code on purpose, one line at a time, and looks whether a test says so.
#
#	tests/mutants/run.sh SOURCE BUILD [PATTERN]	those of the list that contain PATTERN
#
# SOURCE is copied to BUILD first, so nothing of it is ever changed. For each mutant of `mutants` one line goes to
# standard output: "PASS sentence" where one of its tests failed, else "FAIL sentence: why". Exit status 0: all PASS.
# BUILD is made anew: it has to be empty, or of an earlier run.
set -u

source=$(cd "$1" && pwd) build=$2 pattern=${3-}
list=$source/tests/mutants/mutants
tree=$build/tree jobs=$(nproc)
status=0

say()
{
	echo "$1 $2"
	[ "$1" = PASS ] || status=1
}

# What make would pack, and nothing that was built.
copy_tree()
{
	mkdir -p "$tree" && (cd "$source" && tar -cf - --exclude=./build --exclude=./.git .) | tar -xf - -C "$tree"
}

make_quietly()
{
	make -C "$tree/build" -s -j"$jobs" "$@" >> "$build/make.log" 2>&1 < /dev/null
}

prepare()
{
	copy_tree && mkdir -p "$tree/build" && cd "$tree/build" && ../configure -q > "$build/configure.log" 2>&1 &&
		make_quietly all && make_quietly $(sed -n 's/^tests: //p' "$list" | tr ' ' '\n' | sort -u)
}

passes()
{
	(cd "$tree/build" && srcdir=.. timeout 300 "./$1") >> "$build/tests.log" 2>&1 < /dev/null
}

# A test that fails anyway proves nothing.
all_pass()
{
	local t held=0
	for t in $(sed -n 's/^tests: //p' "$list" | tr ' ' '\n' | sort -u); do
		passes "$t" || { say FAIL "$t passes where nothing is broken" && held=1; }
	done
	return $held
}

# 0: a test noticed it; 124: one hangs, which is no answer.
found_by() # tests...
{
	local t ended
	for t; do
		passes "$t"
		ended=$?
		[ $ended -eq 0 ] || { [ $ended -eq 124 ] && return 124 || return 0; }
	done
	return 1
}

try() # sentence file edit tests...
{
	local name=$1 file=$tree/$2 edit=$3
	shift 3
	cp -p "$file" "$build/right"
	sed -i -E "$edit" "$file"
	if cmp -s "$file" "$build/right"; then
		say FAIL "$name: the line that it breaks is not there any more"
	elif ! make_quietly "$@"; then
		say FAIL "$name: does not compile, see $build/make.log"
	else
		found_by "$@"
		case $? in
		0) say PASS "$name" ;;
		124) say FAIL "$name: a test hangs" ;;
		*) say FAIL "$name: no test noticed it" ;;
		esac
	fi
	cp "$build/right" "$file" # with a new time, so that make builds it again
}

try_all()
{
	local key value name='' file='' edit=''
	while IFS= read -r line; do
		key=${line%%: *} value=${line#*: }
		case $key in
		broken) name=$value ;;
		file) file=$value ;;
		edit) edit=$value ;;
		tests) [[ "$name $file" == *"$pattern"* ]] && try "$name" "$file" "$edit" $value ;;
		esac
	done < "$list"
}

mkdir -p "$build" && build=$(cd "$build" && pwd) || exit 1
if [ -n "$(ls -A "$build")" ] && [ ! -f "$build/of-mutants" ]; then
	echo "$build: not empty, and not of an earlier run" >&2
	exit 1
fi
rm -rf "$build" && mkdir "$build" && touch "$build/of-mutants" && tree=$build/tree || exit 1
prepare || { say FAIL "the tree builds, see $build" && exit 1; }
all_pass || exit 1
try_all
exit $status
