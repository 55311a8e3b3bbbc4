# Inside the fresh root, as its first process: install the prerequisites, then act as a new user does.
set -euo pipefail
who=$1 command=$2; shift 2

timed() {
    local begin=$SECONDS
    echo "== $1" >&2
    "${@:2}" || { echo "== FAILED: $1 ($((SECONDS - begin)) s)" >&2; exit 1; }
    echo "== done in $((SECONDS - begin)) s" >&2
}
install() { { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >/tmp/apt 2>&1 || { tail /tmp/apt >&2; return 1; }; }
as_user() { (cd "$home/bootjack" && setpriv --reuid "$number" --regid "$number" --clear-groups env HOME="$home" bash -c "$1"); }

. /etc/os-release
timed "$PRETTY_NAME, $who: apt-get install $*" install "$@"
number=0 home=/root
if [[ $who == ordinary ]]; then
    useradd --create-home tester
    number=$(id -u tester) home=/home/tester
fi
mv /clone "$home/bootjack"
chown -R "$number:$number" "$home/bootjack"
timed "make demo" as_user "make demo"
timed "$command" as_user "$command"
python3 --version >&2
