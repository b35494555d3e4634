#!/usr/bin/env bash
# OpenSMTPD as people set it up: mail only from who logs in, and only in TLS, by a certificate of an authority of its own
# (/tmp/ca.pem) for 127.0.0.1. What comes for example.com is in /home/ops/mail/new.
set -euo pipefail
cd /tmp
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${key[@]}" -days 2 -subj /CN=authority -keyout ca.key -out ca.part -addext basicConstraints=critical,CA:TRUE
openssl req "${key[@]}" -subj /CN=mail -keyout mail.key -out mail.csr
openssl x509 -req -in mail.csr -CA ca.part -CAkey ca.key -CAcreateserial -days 2 -out mail.pem \
    -extfile <(echo subjectAltName=IP:127.0.0.1)
chmod 600 mail.key
useradd -m ops
echo "dumpcar $(smtpctl encrypt secret)" >logins
cat >smtpd.conf <<'CONF'
pki mail cert "/tmp/mail.pem"
pki mail key "/tmp/mail.key"
table logins file:/tmp/logins
listen on 0.0.0.0 port 465 smtps pki mail auth <logins>
listen on 0.0.0.0 port 587 tls-require pki mail auth <logins>
action "keep" maildir "/home/ops/mail" virtual { "@" = ops }
match auth from any for domain "example.com" action "keep"
CONF
mv ca.part ca.pem
exec smtpd -d -f smtpd.conf
