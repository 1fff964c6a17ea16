# consumers.sh - for the tests with foreign programs: a world of the lab profile whose token is called "test", and tables of
# checks, a line each: a sentence, ": ", a command. A backslash at the end of a line continues it.
#
# HL_NEED_TOOLS=1: a program that is not installed is a failure, not a reason to skip.
HL_HERE=$(pwd)
SOURCE=$(cd "${srcdir:-.}" && pwd)
export SOURCE
. "$SOURCE/tests/run/cli.sh"

SECONDS_MAX=120 # of one command: far more than any of them takes
started=

# A program, a file, or an engine of OpenSSL.
is_here() # PROGRAM, PATH or engine:NAME
{
	case $1 in
	engine:*) openssl engine "${1#engine:}" > /dev/null 2>&1 ;;
	*) [ -e "$1" ] || command -v "$1" > /dev/null ;;
	esac
}

# What there is nothing to test without.
needs() # Debian package, what it brings...
{
	package=$1
	shift
	for tool; do
		is_here "$tool" && continue
		echo "$tool is not installed (Debian package $package)"
		[ "${HL_NEED_TOOLS-}" = 1 ] && exit 1
		exit 77
	done
}

# Where a part of a test can be left out alone: whether all that it needs is here.
can_try() # which part, what it needs...
{
	part=$1
	shift
	missing=
	for tool; do
		is_here "$tool" || missing="$missing $tool"
	done
	[ -n "$missing" ] || return 0
	echo "no$missing here: $part is not tried"
	[ "${HL_NEED_TOOLS-}" != 1 ] || check "$part: nothing that it needs is missing" false
	return 1
}

# Processes that a test leaves in the background end with it.
end()
{
	for pid in $started; do
		kill "$pid" && wait "$pid"
	done 2> /dev/null
	finish
}
trap end EXIT

# A sanitized module in a program that is not: its run-time library has to be there first. What such programs leak is theirs.
sanitized()
{
	nm -D "$MODULE" | grep -q __asan_init || return 1
	PRELOAD=$(ldd "$MODULE" | sed -n 's/.*=> \(.*libasan[^ ]*\) .*/\1/p')
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	export ASAN_OPTIONS
	[ -n "$PRELOAD" ] && return
	echo "the module is sanitized by a library that cannot be loaded before it"
	exit 77
}

# Called before there is a world: programs that do not bear that library, whatever module they use.
unsanitized() # why
{
	nm -D "$HL_HERE/.libs/libhsmlet-pkcs11.so" | grep -q __asan_init || return 0
	echo "not with the sanitizers: $1"
	exit 77
}

begin_world()
{
	run up --dev --profile lab --partition test
	check "a world starts" [ "$rc" -eq 0 ]
	[ "$rc" -eq 0 ] || done_testing
	eval "$(hsmlet env)"
	MODULE=$HSMLET_P11_MODULE
	PIN=$HSMLET_PIN
	TOKEN="pkcs11:token=test"
	HOME=$HERE/home
	PRELOAD=
	export MODULE PIN TOKEN HOME
	mkdir "$HOME"
	sanitized || true
	echo "a message to the reader" > msg
	printf '%s\n' "$PIN" > pin
	: > words
}

# What every command of the tables may use: functions of the shell, from stdin.
words()
{
	cat >> words
}

# Run a command of a table, with its words, within its time.
obey() # command
{
	env LD_PRELOAD="$PRELOAD" timeout "$SECONDS_MAX" sh -e -c ". ./words; $1" < /dev/null > said 2>&1 && return
	tail -n 20 said | sed 's/^/  /'
	return 1
}

# Each line of the table on stdin.
checks()
{
	while IFS= read -r row; do
		while [ "${row%\\}" != "$row" ] && IFS= read -r more; do
			row=${row%\\}$more
		done
		[ -z "$row" ] || check "${row%%: *}" obey "${row#*: }"
	done
}

# What a server says, into its log; the first line that matches the pattern also to who waits for it.
watch() # log, pattern
{
	told=
	while IFS= read -r line; do
		printf '%s\n' "$line" >> "$1"
		# shellcheck disable=SC2254
		case $told$line in $2) printf '%s\n' "$line" > "$1.ready" && told=/ ;; esac
	done
	[ -n "$told" ] || : > "$1.ready"
}

# Start a server and wait for the line by which it says that it is ready: that is in $ready then, its process in $pid.
start() # log, pattern, command...
{
	log=$1
	pattern=$2
	shift 2
	mkfifo "$log.said" "$log.ready"
	env LD_PRELOAD="$PRELOAD" "$@" > "$log.said" 2>&1 < /dev/null &
	pid=$!
	started="$started $pid"
	watch "$log" "$pattern" < "$log.said" &
	ready=
	read -r ready < "$log.ready"
	check "$1 is ready" [ -n "$ready" ]
}

# A server that has had all its visitors ends by itself; where a check failed before, it may wait for them forever.
ends_well() # pid
{
	[ "$failed" -eq 0 ] || kill "$1"
	wait "$1"
}
