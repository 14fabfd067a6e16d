"""getAcl, setAcl, addauth, and who may do what."""

from steps import ROOT, Cli

cli, other, boss = Cli(), Cli(), Cli()
DIGEST = "digest:alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E="
for words in f"""
create {ROOT}
getAcl {ROOT}
getAcl -s {ROOT}
create {ROOT}/d data {DIGEST}:cdrwa
create {ROOT}/bad data digest:alice:cdrwa
create {ROOT}/bad data none:such:cdrwa
create {ROOT}/bad data world:bob:r
create {ROOT}/ip data ip:127.0.0.1/8:r
get {ROOT}/ip
set {ROOT}/ip x
get {ROOT}/d
set {ROOT}/d x
ls {ROOT}/d
stat {ROOT}/d
getAcl {ROOT}/d
setAcl {ROOT}/d world:anyone:r
delete {ROOT}/d
create {ROOT}/d2 data auth::cdrwa
addauth digest alice:secret
create {ROOT}/d2 data auth::cdrwa
getAcl -s {ROOT}/d2
get {ROOT}/d2
create {ROOT}/r data world:anyone:r,{DIGEST}:cdrwa
create {ROOT}/tree
create {ROOT}/tree/a
setAcl -s {ROOT}/r world:anyone:r
setAcl {ROOT}/d2 world:anyone:ra,{DIGEST}:cdrw
setAcl -v 0 {ROOT}/d2 world:anyone:r
setAcl -R {ROOT}/tree world:anyone:rwcda,{DIGEST}:r
getAcl {ROOT}/tree/a
setAcl {ROOT}/no world:anyone:r
""".strip().splitlines():
    cli.step(words)
other.command("sync /")
for words in f"""
get {ROOT}/d
get {ROOT}/r
set {ROOT}/r x
create {ROOT}/r/x
getAcl {ROOT}/r
getAcl {ROOT}/d2
getAcl {ROOT}/d
delete {ROOT}/d
""".strip().splitlines():
    other.step(words)
boss.command("addauth digest super:test")
boss.command("sync /")
for words in f"""
getAcl {ROOT}/d2
set {ROOT}/r by-super
setAcl {ROOT}/r world:anyone:cdrwa
""".strip().splitlines():
    boss.step(words)
for client in (cli, other, boss):
    client.quit()
