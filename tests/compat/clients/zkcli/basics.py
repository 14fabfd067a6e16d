"""The commands that make, read, write and delete znodes."""

from steps import ROOT, Cli

cli = Cli()
for words in f"""
create {ROOT}
create {ROOT} again
create {ROOT}/a one
create -e {ROOT}/e ephemeral
create {ROOT}/e/x
create -s {ROOT}/s- 1
create -s -e {ROOT}/s- 2
create {ROOT}/no/b
create {ROOT}/b/
create {ROOT}/../b
create nopath
stat {ROOT}
stat {ROOT}/e
stat {ROOT}/no
ls {ROOT}
ls -s {ROOT}
ls -R {ROOT}
ls {ROOT}/no
get {ROOT}/a
get -s {ROOT}/a
get {ROOT}/no
set {ROOT}/a two
set -s {ROOT}/a three
set -v 2 {ROOT}/a four
set -v 2 {ROOT}/a five
set {ROOT}/no x
get -s {ROOT}/a
delete {ROOT}
delete -v 9 {ROOT}/a
delete -v 3 {ROOT}/a
delete {ROOT}/a
delete /
delete /zookeeper
deleteall {ROOT}/e
create {ROOT}/deep
create {ROOT}/deep/a
create {ROOT}/deep/a/b
create {ROOT}/deep/c
deleteall {ROOT}/deep
ls {ROOT}
stat {ROOT}
""".strip().splitlines():
    cli.step(words)
cli.quit()
after = Cli()
after.command("sync /")
after.step(f"ls {ROOT}")
after.quit()
