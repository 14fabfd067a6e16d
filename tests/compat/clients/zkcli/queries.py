"""sync, whoami, getEphemerals, getAllChildrenNumber, and the configuration."""

from steps import HOSTS, ROOT, Cli

cli = Cli([HOSTS[1]])
for words in f"""
create {ROOT}
create {ROOT}/a
create {ROOT}/a/b
create -e {ROOT}/a/e1
create -e {ROOT}/e2
sync {ROOT}
sync {ROOT}/no
getAllChildrenNumber {ROOT}
getAllChildrenNumber {ROOT}/no
getEphemerals
getEphemerals {ROOT}/a
getEphemerals {ROOT}/no
whoami
addauth digest alice:secret
whoami
addauth digest super:test
whoami
""".strip().splitlines():
    cli.step(words)
cli.quit()
