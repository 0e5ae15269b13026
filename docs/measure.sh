#!/usr/bin/env bash
# Measures what the README states: binary size, start to ready, memory at rest with the default configuration, and the cost of a round.
# Needs cargo, bash, coreutils and curl. Works on a copy of agents.toml in a temporary folder; nothing of the repository is touched but target/.
#
#   docs/measure.sh            everything
#   SKIP_BUILD=1 docs/measure.sh    with the release binary that is there
#   SKIP_BENCH=1 docs/measure.sh    without the bench
set -euo pipefail
cd "$(dirname "$0")/.."

port=${PORT:-18787}
starts=${STARTS:-5}
settle=${SETTLE:-30}

[ -n "${SKIP_BUILD:-}" ] || cargo build --release --locked
binary=${CARGO_TARGET_DIR:-target}/release/adjutant
[ -x "$binary" ] || { echo "there is no $binary: run without SKIP_BUILD" >&2; exit 1; }

work=$(mktemp -d)
daemon=
stop() {
  [ -n "$daemon" ] || return 0
  kill -TERM "$daemon" 2>/dev/null || true
  wait "$daemon" 2>/dev/null || true
  daemon=
}
trap 'stop; rm -rf "$work"' EXIT

sed "s/^listen = .*/listen = \"127.0.0.1:$port\"/" agents.toml >"$work/agents.toml"
grep -q "127.0.0.1:$port" "$work/agents.toml" || { echo "agents.toml has no listen line to replace" >&2; exit 1; }

# Starts the daemon and prints the milliseconds until GET /readyz answers 200.
start() {
  local began now deadline
  began=$(date +%s%N)
  deadline=$((began + 30 * 1000000000))
  "$binary" run --config "$work/agents.toml" >"$work/out" 2>"$work/log" &
  daemon=$!
  until [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 1 "http://127.0.0.1:$port/readyz" 2>/dev/null)" = 200 ]; do
    now=$(date +%s%N)
    if [ "$now" -gt "$deadline" ] || ! kill -0 "$daemon" 2>/dev/null; then
      echo "the daemon did not become ready; its log:" >&2
      cat "$work/out" "$work/log" >&2
      exit 1
    fi
    sleep 0.005
  done
  now=$(date +%s%N)
  took=$(((now - began) / 1000000))
}

median() { sort -n | sed -n "$((($1 + 1) / 2))p"; }
status_kb() {
  local key value unit
  while read -r key value unit; do [ "$key" != "$1:" ] || { echo "$value"; return; }; done <"/proc/$daemon/status"
}
mib() { echo "$(($1 / 1024)).$((($1 % 1024) * 10 / 1024)) MiB"; }

: >"$work/fresh"
: >"$work/again"
for _ in $(seq "$starts"); do
  rm -rf "$work/state"
  start; echo "$took" >>"$work/fresh"; stop
  start; echo "$took" >>"$work/again"; stop
done

rm -rf "$work/state"
start
sleep "$settle"
rss=$(status_kb VmRSS)
peak=$(status_kb VmHWM)
threads=$(status_kb Threads)
days=$((settle * 17280 / 86400))
stop

echo
echo "host                          $(uname -sm), $(nproc) cores"
echo "commit                        $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
echo "date                          $(date -u +%Y-%m-%d)"
echo "release binary                $(mib "$(($(stat -L -c %s "$binary") / 1024))")"
echo "start to ready, new database  $(median "$starts" <"$work/fresh") ms (median of $starts)"
echo "start to ready, restart       $(median "$starts" <"$work/again") ms (median of $starts)"
echo "memory after $settle s            $(mib "$rss") resident, $(mib "$peak") at its peak, $threads threads"
echo "                              (daemon and embedded sandbox in one process, about $days product days of time-lapse)"
if [ -z "${SKIP_BENCH:-}" ]; then
  echo
  cargo bench --locked --bench round
fi
