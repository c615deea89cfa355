# shellcheck shell=bash disable=SC2154
# demo-servers.sh - the servers of make-demo.sh, which reads it with `.`: their files, and their start inside
# the namespace of servers. Uses its tmp, S() and die().

chmod 755 "$tmp"
mkdir "$tmp/www" "$tmp/raw" "$tmp/ssh" "$tmp/fin"
chmod 700 "$tmp/ssh"

text() { # made-up text of about $1 bytes
  awk -v want="$1" 'BEGIN { while (n < want) { i++
    s = sprintf("%06d the quick brown fox %d jumps over the lazy dog %d\n", i, i*7919%10007, i*104729%100003)
    n += length(s); printf "%s", s } }'
}
text 420000 > "$tmp/www/archive.txt"
text 200000 > "$tmp/www/secret.txt"
text 110000 > "$tmp/www/manual.txt"
text 1500   > "$tmp/www/index.html"
text 12000  > "$tmp/www/news.txt"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
  -subj /CN=www.example -addext subjectAltName=DNS:www.example,DNS:files.example \
  -keyout "$tmp/tls.key" -out "$tmp/tls.crt" 2>/dev/null

cat > "$tmp/nginx.conf" <<CONF
user nobody nogroup;
worker_processes 1;
pid $tmp/nginx.pid;
error_log $tmp/nginx-error.log;
events { worker_connections 64; }
http {
  access_log off;
  default_type text/plain;
  keepalive_timeout 30s;
  client_body_temp_path $tmp/ng1;
  proxy_temp_path $tmp/ng2;
  fastcgi_temp_path $tmp/ng3;
  uwsgi_temp_path $tmp/ng4;
  scgi_temp_path $tmp/ng5;
  ssl_certificate $tmp/tls.crt;
  ssl_certificate_key $tmp/tls.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  server {
    listen 10.77.0.2:80;
    listen 10.77.0.3:80;
    listen [fd00:77::2]:80;
    listen 10.77.0.2:443 ssl;
    listen [fd00:77::2]:443 ssl;
    server_name www.example files.example;
    root $tmp/www;
    location = /archive.txt { limit_rate 20k; }
    location = /secret.txt  { limit_rate 12k; }
    location = /manual.txt  { limit_rate 8k; }
    location /page/ { return 200 "a small page of www.example\n"; }
  }
}
CONF

cat > "$tmp/dnsmasq.conf" <<'CONF'
no-resolv
no-hosts
no-poll
bind-interfaces
listen-address=10.77.0.53
listen-address=fd00:77::53
edns-packet-max=4096
local=/example/
local-ttl=300
host-record=www.example,10.77.0.2,fd00:77::2
host-record=files.example,10.77.0.3,fd00:77::3
host-record=ns.example,10.77.0.53,fd00:77::53
cname=web.example,www.example
mx-host=example,mail.example,10
CONF
# a name whose answer is larger than the MTU: 14 TXT records
for i in 10 11 12 13 14 15 16 17 18 19 20 21 22 23; do
  printf 'txt-record=big.example,"part %s of a long made-up answer: %0200d"\n' "$i" 0
done >> "$tmp/dnsmasq.conf"

ssh-keygen -q -t ed25519 -N '' -C host -f "$tmp/ssh/host"
ssh-keygen -q -t ed25519 -N '' -C user -f "$tmp/ssh/user"
cp "$tmp/ssh/user.pub" "$tmp/ssh/authorized"
cat > "$tmp/ssh/sshd.conf" <<CONF
ListenAddress 10.77.0.2:22
ListenAddress [fd00:77::2]:22
HostKey $tmp/ssh/host
PidFile none
AuthorizedKeysFile $tmp/ssh/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
UseDNS no
CONF
if [ ! -d /run/sshd ]; then mkdir -m 755 /run/sshd; made_run_sshd=1; fi

say "starting nginx, dnsmasq and sshd in the servers' namespace"
S nginx -p "$tmp" -e "$tmp/nginx-error.log" -c "$tmp/nginx.conf" -g 'daemon off;' \
  >"$tmp/nginx.log" 2>&1 &
S dnsmasq --keep-in-foreground --user=nobody --pid-file= --conf-file="$tmp/dnsmasq.conf" \
  --log-facility="$tmp/dnsmasq.log" >"$tmp/dnsmasq.out" 2>&1 &
S "$(command -v sshd)" -D -e -f "$tmp/ssh/sshd.conf" >"$tmp/sshd.log" 2>&1 &

ready() { # what, address, port: waits at most 5 seconds (inside the servers' namespace)
  local n
  for n in $(seq 50); do
    if S timeout 1 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  tail -n 5 "$tmp"/nginx*.log "$tmp"/dnsmasq.* "$tmp/sshd.log" >&2 || true
  die "$1 did not start within 5 seconds (its last words are above)."
}
ready nginx 10.77.0.2 80
ready nginx 10.77.0.2 443
ready dnsmasq 10.77.0.53 53
ready sshd 10.77.0.2 22
