#!/usr/bin/env bash
#
# make-demo.sh - make the demo captures in test/captures/demo/
#
#   sudo test/captures/make-demo.sh [-f] [OUTPUT-FOLDER]
#
# What it makes
#   About a dozen small capture files (under 3 MB together) of real traffic of
#   real programs (nginx, curl, OpenSSL's TLS, dnsmasq, dig, OpenSSH, ping),
#   written by ONE rotating tcpdump (-G 3, whole packets, nanosecond times if
#   the kernel gives them). Afterwards one file is compressed with gzip, one
#   with zstd, one is turned into pcapng (only if editcap is installed), and
#   each is renamed to trace-<6 hex digits of its sha256>.<suffix> and gets the
#   same modification time: neither names nor times tell the order. SHA256SUMS
#   is written beside them. Two runs never give the same bytes: times, ports,
#   keys and the exact rotation borders differ.
#
#   Without OUTPUT-FOLDER it writes to the folder demo/ beside this script. A
#   folder that already holds trace-* files is refused unless -f is given (then
#   those trace-* files are replaced). README.md beside it is written by hand and
#   describes the captures that are in git; this script doesn't touch it.
#
# What it needs
#   root, and these Debian packages: bind9-dnsutils (dig), coreutils, curl,
#   dnsmasq-base (or dnsmasq), ethtool, gzip, iproute2, iputils-ping, mawk (or
#   gawk), nginx-light (or another nginx), openssh-client, openssh-server,
#   openssl, tcpdump, zstd. Optional: wireshark-common (editcap; comes with
#   tshark).
#
# What it touches
#   It must be run as root because it makes two network namespaces of its own
#   (names with its process id), joined by one veth pair. Every server, client
#   and tcpdump runs inside those two; no packet leaves them and nothing of the
#   machine's own network is looked at or changed. Whatever way it ends, a trap
#   stops all it started and removes the namespaces and the temporary folder.
#   It runs for about 40 seconds.

set -euo pipefail
export LC_ALL=C
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 022

die() { printf 'make-demo.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }

# ---------------------------------------------------------------- arguments
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
force=0
if [ "${1:-}" = -f ]; then force=1; shift; fi
case "${1:-}" in
  -h|--help) sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  -*) die "unknown option $1 (usage: make-demo.sh [-f] [OUTPUT-FOLDER])" ;;
esac
[ $# -le 1 ] || die "too many arguments (usage: make-demo.sh [-f] [OUTPUT-FOLDER])"
out=${1:-$here/demo}

[ "$(id -u)" -eq 0 ] || die "must be run as root: it makes network namespaces of its own and captures in them."

need() { # program, Debian package
  command -v "$1" >/dev/null 2>&1 ||
    die "the program '$1' is missing; install the Debian package $2 (apt-get install $2)."
}
need awk mawk
need curl curl
need dig bind9-dnsutils
need dnsmasq dnsmasq-base
need ethtool ethtool
need gzip gzip
need ip iproute2
need nginx nginx-light
need openssl openssl
need ping iputils-ping
need sha256sum coreutils
need ssh openssh-client
need ssh-keygen openssh-client
need sshd openssh-server
need tc iproute2
need tcpdump tcpdump
need timeout coreutils
need zstd zstd

shopt -s nullglob
old=("$out"/trace-*)
if [ ${#old[@]} -gt 0 ] && [ $force -eq 0 ]; then
  die "$out already holds ${#old[@]} trace-* file(s); give another folder, or -f to replace them."
fi

# ---------------------------------------------------- cleaning up, always
cli=flowdemo-$$-cli          # the clients' namespace (tcpdump runs here too)
srv=flowdemo-$$-srv          # the servers' namespace
cif=fdc$$                    # the two ends of the veth pair
sif=fds$$
made_cli=0 made_srv=0 made_run_sshd=0
tmp=$(mktemp -d /tmp/flowdemo.XXXXXXXX)

end_ns() { # ends what still runs in a namespace of ours, then removes it
  local p n
  for n in 1 2 3 4 5 6 7 8 9 10; do
    p=$(ip netns pids "$1" 2>/dev/null | tr '\n' ' ') || true
    [ -n "$p" ] || break
    # shellcheck disable=SC2086  # a list of process ids
    if [ "$n" -le 5 ]; then kill $p 2>/dev/null; else kill -KILL $p 2>/dev/null; fi || true
    sleep 0.1
  done
  ip netns del "$1" 2>/dev/null || true
}
cleanup() {
  local rc=$?
  trap - EXIT
  trap '' INT TERM HUP
  # first the shells with the schedules below, so that they start nothing new,
  # then everything that runs in the namespaces
  # shellcheck disable=SC2046  # a list of process ids
  kill $(jobs -p) 2>/dev/null || true
  [ $made_cli -eq 0 ] || end_ns "$cli"
  [ $made_srv -eq 0 ] || end_ns "$srv"
  wait 2>/dev/null || true
  [ $made_run_sshd -eq 0 ] || rmdir /run/sshd 2>/dev/null || true
  rm -rf -- "$tmp"
  exit "$rc"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ------------------------------------------------------------ the network
say "making two network namespaces"
for n in "$cli" "$srv"; do
  [ ! -e "/run/netns/$n" ] || die "a network namespace $n is already there; run again."
done
made_cli=1; ip netns add "$cli"
made_srv=1; ip netns add "$srv"
ip link add "$cif" netns "$cli" address 02:00:00:77:00:10 type veth \
  peer name "$sif" netns "$srv" address 02:00:00:77:00:02

C() { ip netns exec "$cli" "$@"; }   # run in the clients' namespace
S() { ip netns exec "$srv" "$@"; }   # run in the servers' namespace

ip -n "$cli" link set lo up
ip -n "$srv" link set lo up
ip -n "$cli" addr add 10.77.0.10/24 dev "$cif"
ip -n "$cli" addr add 10.77.0.11/24 dev "$cif"
ip -n "$cli" addr add fd00:77::10/64 dev "$cif" nodad
for a in 2 3 53; do
  ip -n "$srv" addr add 10.77.0.$a/24 dev "$sif"
  ip -n "$srv" addr add fd00:77::$a/64 dev "$sif" nodad
done
# No offloads: what tcpdump sees is then what a wire would carry (packets of
# at most the MTU, with their checksums filled in).
C ethtool -K "$cif" tx off rx off tso off gso off gro off >/dev/null
S ethtool -K "$sif" tx off rx off tso off gso off gro off >/dev/null
ip -n "$cli" link set "$cif" up
ip -n "$srv" link set "$sif" up
# A slow link (1 Mbit/s each way), so that the fragments of one datagram are
# milliseconds apart. Only nicer to have: some kernels lack it.
if ! C tc qdisc add dev "$cif" root tbf rate 1mbit burst 1600 latency 500ms 2>/dev/null ||
   ! S tc qdisc add dev "$sif" root tbf rate 1mbit burst 1600 latency 500ms 2>/dev/null; then
  say "note: no rate limit on the link (this kernel has no tbf); going on without"
fi
# Addresses at which nobody is: the neighbour is given, so packets do go out.
ip -n "$cli" neigh add 10.77.0.99 lladdr 02:00:00:77:00:99 dev "$cif" nud permanent
ip -n "$cli" neigh add fd00:77::99 lladdr 02:00:00:77:00:99 dev "$cif" nud permanent

# ------------------------------------------------------------ the servers
# shellcheck source=demo-servers.sh
. "$here/demo-servers.sh"

# ------------------------------------------------------------ the clients
must() { # a client that has to succeed
  local rc=0
  C timeout 40 "$@" >"$tmp/last.$BASHPID" 2>&1 || rc=$?
  [ $rc -eq 0 ] || printf 'exit %s: %s\n' "$rc" "$*" >> "$tmp/failed"
}
may()  { C timeout 40 "$@" >/dev/null 2>&1 || true; }   # a client that is meant to fail
web=(curl -sS -o /dev/null --max-time 40
     --resolve www.example:80:10.77.0.2 --resolve www.example:443:10.77.0.2
     --resolve files.example:80:10.77.0.3)
web6=(curl -6 -sS -o /dev/null --max-time 40
      --resolve 'www.example:80:[fd00:77::2]' --resolve 'www.example:443:[fd00:77::2]')
ask=(dig @10.77.0.53 +tries=2 +time=3)
ask6=(dig @fd00:77::53 +tries=2 +time=3)
login=(ssh -n -F none -i "$tmp/ssh/user" -o IdentitiesOnly=yes -o BatchMode=yes
       -o StrictHostKeyChecking=no -o UserKnownHostsFile="$tmp/ssh/known"
       -o ConnectTimeout=5 -o LogLevel=ERROR -l root)
# shellcheck disable=SC2016  # for the shell at the other end
lines() { printf 'for i in $(seq %s); do echo line $i; sleep %s; done' "$1" "$2"; }

# A session that is older than the capture: its first packets are never seen.
must "${login[@]}" 10.77.0.2 "$(lines 14 1)" &
sleep 1.2

# ------------------------------------------------------------ the capture
# tcpdump looks at the whole seconds of the clock for its rotation. It is
# started just after a full second, so that the moments of the borders are
# known: T0+3, T0+6, ... Large pings are sent right at these.
sleep "$(date +%N | awk '{ f = $1 / 1e9; print 1.05 - f }')"
T0=$(date +%s)
rotate=3
length=34

start_tcpdump() { # extra options
  rm -f "$tmp"/raw/*
  ip netns exec "$cli" tcpdump -i "$cif" -n -s 0 -B 8192 --immediate-mode -Z root "$@" \
    -G $rotate -w "$tmp/raw/%Y%m%d-%H%M%S.pcap" 2>"$tmp/tcpdump.log" &
  dump=$!
  local n
  for n in $(seq 50); do
    ! grep -q '^tcpdump: listening on' "$tmp/tcpdump.log" || return 0
    kill -0 "$dump" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}
say "capturing for $length seconds"
if ! start_tcpdump --time-stamp-precision=nano; then
  kill "$dump" 2>/dev/null || true
  wait "$dump" 2>/dev/null || true
  say "note: no nanosecond times here; going on with microseconds"
  start_tcpdump || { cat "$tmp/tcpdump.log" >&2; die "tcpdump did not start (its words are above)."; }
fi

at() { # waits until T0 + $1 seconds (inside the namespace, so that the trap finds it)
  C sleep "$(date +%s.%N | awk -v t="$1" -v z="$T0" '{ d = (z - int($1)) + t - ($1 - int($1)); print (d > 0 ? d : 0) }')"
}

# -- all through the run: pings, a refreshed web page, a poll that gets no answer
( at 0.4;  must ping -n -q -c 32 -i 1 10.77.0.2 ) &
( at 0.9;  must ping -n -q -c 16 -i 2 fd00:77::2 ) &
( at 1.3;  must ping -n -q -c 15 -i 2.1 -s 3000 10.77.0.3 ) &             # IPv4 fragments
( at 1.7;  must ping -n -q -c 10 -i 3.1 -s 2500 fd00:77::3 ) &            # IPv6 fragments
( at 2.85; must ping -n -q -c 6 -i 6 -s 9000 10.77.0.2 ) &               # IPv4 fragments at a border
( at 5.85; must ping -n -q -c 5 -i 6 -s 9000 fd00:77::2 ) &              # IPv6 fragments at a border
( at 1.0;  must "${web[@]}" --rate 24/m 'http://www.example/page/[1-12]' ) &   # one connection, kept alive

# -- long downloads
( at 2.2;  must "${ask[@]}" files.example A
           must "${web[@]}" http://files.example/archive.txt ) &          # HTTP, about 20 s
( at 8.3;  must "${ask[@]}" www.example A
           must "${web[@]}" -k https://www.example/secret.txt ) &         # TLS 1.3, about 16 s
( at 10.6; must "${ask6[@]}" www.example AAAA
           must "${web6[@]}" http://www.example/manual.txt ) &            # IPv6 HTTP, about 13 s

# -- short ones
( at 0.6;  must "${ask[@]}" www.example A
           must "${ask[@]}" www.example AAAA
           must "${web[@]}" http://www.example/ ) &
( at 3.6;  must "${web[@]}" --interface 10.77.0.11 http://www.example/news.txt
           must "${ask[@]}" example MX
           must "${ask[@]}" missing.example A ) &
( at 4.4;  must "${web6[@]}" http://www.example/news.txt
           must "${web6[@]}" -k https://www.example/ ) &
( at 6.8;  must "${web[@]}" -k --tls-max 1.2 https://www.example/news.txt ) &
( at 12.5; must "${web[@]}" -k --interface 10.77.0.11 https://www.example/ ) &
( at 14.2; must "${ask[@]}" +tcp big.example TXT ) &
( for t in 5.2 11.9 17.4 23.8; do at $t                                   # DNS answers in IPv4
    must "${ask[@]}" +bufsize=4096 +ignore big.example TXT; done ) &      # and in IPv6 fragments
( for t in 8.9 20.5; do at $t
    must "${ask6[@]}" +bufsize=4096 +ignore big.example TXT; done ) &

# -- the same addresses and ports twice (HTTP/1.0: the server closes first)
( at 15.4; must "${web[@]}" -0 --local-port 40077 http://www.example/news.txt
  at 19.4; must "${web[@]}" -0 --local-port 40077 http://www.example/news.txt ) &

# -- logins
( at 7.3;  must "${login[@]}" 10.77.0.2 "$(lines 17 1)" ) &
( at 16.6; must "${login[@]}" fd00:77::2 'echo one line' ) &
( at 28.3; may  "${login[@]}" 10.77.0.2 "$(lines 20 0.7)" ) &             # still open at the end

# -- what goes wrong
( at 4.9;  may  "${web[@]}" http://10.77.0.2:8081/ ) &                    # refused (RST)
( at 9.7;  may  "${web6[@]}" -g 'http://[fd00:77::2]:8081/' ) &
( at 10.2; may  "${web[@]}" --connect-timeout 10 http://10.77.0.99/ ) &   # SYN, no answer
( at 18.1; may  "${web6[@]}" -g --connect-timeout 4 'http://[fd00:77::99]/' ) &
( at 13.3; may  dig @10.77.0.99 +tries=3 +time=2 www.example A ) &        # UDP, no answer
( at 21.7; may  dig @10.77.0.2 -p 5300 +tries=1 +time=1 www.example A ) & # UDP, ICMP unreachable
( at 22.6; may  "${web[@]}" --connect-timeout 2 http://10.77.0.98/ ) &    # ARP, no answer
( at 25.2; may  timeout -s KILL 4 "${web[@]}" http://files.example/archive.txt ) &  # cut off

# -- new ones at the end
( at 30.9; must "${ask[@]}" web.example A
           must "${web[@]}" http://www.example/news.txt ) &
( at 32.6; must "${web6[@]}" -k https://www.example/news.txt ) &

at $length & wait $!      # (a wait, and so the whole script, can be interrupted)
kill -INT "$dump"
for n in $(seq 50); do kill -0 "$dump" 2>/dev/null || break; sleep 0.1; done
! kill -0 "$dump" 2>/dev/null || die "tcpdump did not end within 5 seconds."

# ------------------------------------------------- is it what it should be
if [ -s "$tmp/failed" ]; then
  cat "$tmp/failed" >&2
  die "some clients that should have succeeded did not (above)."
fi
grep -qx '0 packets dropped by kernel' "$tmp/tcpdump.log" || {
  cat "$tmp/tcpdump.log" >&2
  die "tcpdump lost packets (its words are above); run again on a quieter machine."
}
captured=$(sed -n 's/^\([0-9]*\) packets captured$/\1/p' "$tmp/tcpdump.log")
raw=("$tmp"/raw/*.pcap)
[ ${#raw[@]} -ge 8 ] || die "only ${#raw[@]} files came out; at least 8 were wanted."

# ------------------------------------------------------ forms and names
say "compressing and renaming ${#raw[@]} files"
counted=0 i=0
: > "$tmp/order"
for f in "${raw[@]}"; do
  i=$((i + 1))
  n=$(tcpdump -n -r "$f" 2>/dev/null | wc -l)
  counted=$((counted + n))
  g=$tmp/now.pcap
  cp "$f" "$g"
  case $i in
    4) gzip -n "$g"; g=$g.gz ;;
    7) zstd -q --rm "$g"; g=$g.zst ;;
    9) if command -v editcap >/dev/null 2>&1; then
         editcap -F pcapng "$g" "$tmp/now.pcapng" && rm "$g" && g=$tmp/now.pcapng
       else
         say "note: no editcap (Debian package wireshark-common), so no file becomes pcapng"
       fi ;;
  esac
  sum=$(sha256sum "$g"); sum=${sum:0:6}
  name=trace-$sum${g#"$tmp/now"}
  [ ! -e "$tmp/fin/$name" ] || die "two files would be named $name; run again."
  mv "$g" "$tmp/fin/$name"
  printf '%3d  %-24s %6d packets %8d bytes\n' "$i" "$name" "$n" "$(stat -c %s "$tmp/fin/$name")" >> "$tmp/order"
done
[ "$counted" = "$captured" ] || die "tcpdump captured $captured packets, but the files hold $counted."
bytes=$(cat "$tmp"/fin/* | wc -c)
[ "$bytes" -lt 3000000 ] || die "$bytes bytes came out; less than 3,000,000 were wanted."

mkdir -p "$out"
[ ${#old[@]} -eq 0 ] || rm -f -- "${old[@]}"
(cd "$tmp/fin" && sha256sum trace-* > SHA256SUMS)
touch -d '2001-01-01 00:00:00 UTC' "$tmp"/fin/*
chmod 644 "$tmp"/fin/*
cp -p "$tmp"/fin/* "$out/"
if [ -n "${SUDO_UID:-}" ]; then chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$out" "$out"/trace-* "$out/SHA256SUMS"; fi

printf 'In the order of capture (which the names do not tell):\n'
cat "$tmp/order"
printf '%d packets, %d bytes in %d files in %s\n' "$counted" "$bytes" "${#raw[@]}" "$out"
