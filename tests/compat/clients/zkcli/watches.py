"""Watches of reads, addWatch in both modes, removewatches."""

from steps import HOSTS, ROOT, Cli

cli, writer = Cli([HOSTS[0]]), Cli([HOSTS[1]])
a = f"{ROOT}/a"
writer.step(f"create {ROOT}")
writer.step(f"create {a}")
cli.command("sync /")
cli.step(f"get -w {a}")
cli.step(f"ls -w {a}")
cli.step(f"stat -w {ROOT}/no")
writer.step(f"set {a} 1")
cli.wait_events("data")
writer.step(f"set {a} 2")
cli.no_events("once")
writer.step(f"create {a}/b")
cli.wait_events("children")
writer.step(f"create {ROOT}/no")
cli.wait_events("what was missing")
cli.step(f"ls {ROOT}")
cli.step(f"addWatch -m PERSISTENT {a}")
for words in (f"set {a} 3", f"create {a}/c", f"set {a}/c 1", f"delete {a}/c", f"set {a} 4"):
    writer.step(words)
cli.wait_events("persistent", 4)
cli.step(f"addWatch -m PERSISTENT_RECURSIVE {ROOT}")
for words in (f"create {a}/c", f"set {a}/c 1", f"delete {a}/c", f"set {ROOT} 4"):
    writer.step(words)
cli.wait_events("persistent below recursive", 6)
cli.step(f"removewatches {a} -l")
cli.step(f"removewatches {a}")
cli.step(f"removewatches {ROOT}/none")
writer.step(f"set {a} 5")
cli.no_events("end")
cli.step(f"addWatch -m NONE {a}")
cli.quit()
writer.quit()
