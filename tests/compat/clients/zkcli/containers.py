"""Containers and znodes with a lifetime."""

from steps import ROOT, Cli

cli = Cli()
for words in f"""
create {ROOT}
create -c {ROOT}/c
create {ROOT}/c/x
create -t 3000 {ROOT}/t
stat -w {ROOT}/t
create -t 3600000 -s {ROOT}/t-
create -t 0 {ROOT}/no
create -t 1099511627776 {ROOT}/no
create -t 1000 -e {ROOT}/no
create -c -e {ROOT}/no
stat {ROOT}/c
stat -w {ROOT}/c
delete {ROOT}/c/x
""".strip().splitlines():
    cli.step(words)
first, second = (cli.events.get(timeout=60).split(" zxid")[0] for _ in range(2))
for event in sorted((first, second)):
    print("event " + event, flush=True)
cli.step(f"ls {ROOT}")
cli.quit()
