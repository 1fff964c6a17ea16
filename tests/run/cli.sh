# cli.sh - for the stories of the front command: a folder and a state of their own, checks with names.
#
# HL_BIN: where hsmlet and its daemons were built (default: here).
set -u
BIN=$(cd "${HL_BIN:-.}" && pwd)
case $BIN in *[[:space:]]*) echo "the build folder has a space in its name"; exit 99 ;; esac
PATH=$BIN:$PATH
for name in $(env | sed -n 's/^\(HSMLET_[A-Z_]*\|SECUROSYS_[A-Z0-9_]*\)=.*/\1/p'); do
	unset "$name"
done
HERE=$(mktemp -d "${TMPDIR:-/tmp}/hl-XXXXXX") || exit 99
XDG_STATE_HOME=$HERE/s
TMPDIR=$HERE
export PATH XDG_STATE_HOME TMPDIR
cd "$HERE" || exit 99
failed=0
checks=0

# Daemons of ours that still live: those whose configuration lies in our folder.
alive()
{
	for p in /proc/[0-9]*/cmdline; do
		{ tr '\0' ' ' < "$p"; echo; } 2> /dev/null
	done | grep -c "hsmlet-[a-z]* --config $HERE/"
}

finish()
{
	for world in "$HERE"/s/hsmlet/* "$HERE"/*/; do
		[ -f "$world/world.json" ] && hsmlet -q --dir "$world" down
	done 2> /dev/null
	cd / && rm -rf "$HERE"
}
trap finish EXIT
trap 'exit 1' INT TERM

check() # what, command...
{
	what=$1
	shift
	checks=$((checks + 1))
	if "$@"; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		failed=1
	fi
}

# Run hsmlet; its exit code in $rc, its outputs in the files out and err.
run()
{
	hsmlet "$@" > out 2> err
	rc=$?
	echo "+ hsmlet $* (exit $rc)"
	[ "$rc" -eq 0 ] || sed 's/^/  /' err
}

ends() # exit code expected, words...
{
	want=$1
	shift
	run "$@"
	check "hsmlet $* ends with $want" [ "$rc" -eq "$want" ]
	[ "$want" -eq 0 ] || check "its stdout is empty" [ ! -s out ]
}

done_testing()
{
	check "something was checked" [ "$checks" -gt 0 ]
	exit "$failed"
}
