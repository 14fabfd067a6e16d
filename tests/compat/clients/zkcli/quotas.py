"""setquota, listquota, delquota, and what they hinder."""

from steps import ROOT, Cli

cli = Cli()
for words in f"""
create {ROOT}
create {ROOT}/q 12345
create {ROOT}/q/a
listquota {ROOT}/q
setquota -n 3 {ROOT}/q
listquota {ROOT}/q
create {ROOT}/q/b
create {ROOT}/q/c
listquota {ROOT}/q
setquota -N 4 {ROOT}/q
listquota {ROOT}/q
create {ROOT}/q/d
setquota -B 10 {ROOT}/q
set {ROOT}/q 1234567890
set {ROOT}/q 12345678901
listquota {ROOT}/q
setquota -n 1 {ROOT}/q/a
setquota -n 1 {ROOT}/no
setquota -n 1 /
delquota -N {ROOT}/q
create {ROOT}/q/d
delquota -B {ROOT}/q
set {ROOT}/q 12345678901
listquota {ROOT}/q
delquota {ROOT}/q
listquota {ROOT}/q
delquota {ROOT}/q
ls -R /zookeeper/quota{ROOT}
""".strip().splitlines():
    cli.step(words)
cli.quit()
