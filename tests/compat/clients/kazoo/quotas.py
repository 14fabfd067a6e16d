"""Quotas: what is counted, soft and hard limits with enforceQuota, which limit holds where."""

from steps import ROOT, connected, say, step

client = connected()
QUOTA = "/zookeeper/quota"


def limits(path, text):
    client.ensure_path(QUOTA + path)
    client.create(f"{QUOTA}{path}/zookeeper_limits", text)
    client.create(f"{QUOTA}{path}/zookeeper_stats", b"count=0,bytes=0")


def used(label, path):
    step(f"{label}: used", lambda: (client.sync("/"), client.get(f"{QUOTA}{path}/zookeeper_stats")[0])[1])


top = f"{ROOT}/top"
client.create(ROOT)
client.create(top, b"12345")
client.create(f"{top}/a", b"123")
limits(top, b"count=4,bytes=-1=;byteHardLimit=-1;countHardLimit=4")
used("armed", top)
step("stat of the statistics", lambda: client.get(f"{QUOTA}{top}/zookeeper_stats"))
step("third", lambda: client.create(f"{top}/b"))
step("fourth", lambda: client.create(f"{top}/b/c", b"12"))
used("full", top)
step("fifth is too many", lambda: client.create(f"{top}/d"))
step("also an ephemeral", lambda: client.create(f"{top}/d", ephemeral=True))
step("also a sequential", lambda: client.create(f"{top}/d-", sequence=True))
step("refused first for what else is wrong", lambda: client.create(f"{top}/a"))
step("sets are no matter", lambda: client.set(f"{top}/a", b"1234567"))
step("beside it there is room", lambda: client.create(f"{ROOT}/beside"))
used("after a set", top)
step("a delete makes room", lambda: client.delete(f"{top}/b/c"))
used("after a delete", top)
step("which can be taken", lambda: client.create(f"{top}/d", ephemeral=True))
step("statistics change without a version", lambda: client.get(f"{QUOTA}{top}/zookeeper_stats"))
step("raised", lambda: client.set(f"{QUOTA}{top}/zookeeper_limits", b"count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=-1") and "set")
step("count is free", lambda: client.create(f"{top}/e", b""))
used("bytes so far", top)
step("bytes up to the limit", lambda: client.set(f"{top}/e", b"12345678") and "set")
used("bytes at the limit", top)
step("bytes beyond it", lambda: client.set(f"{top}/e", b"123456789"))
step("a create beyond it", lambda: client.create(f"{top}/f", b"1"))
step("a create of nothing", lambda: client.create(f"{top}/f", b""))
step("the same size again", lambda: client.set(f"{top}/e", b"87654321") and "set")
step("fewer", lambda: client.set(f"{top}/e", b"1") and "set")
used("fewer", top)

say("inside a multi")
batch = client.transaction()
batch.create(f"{top}/m", b"1234")
batch.create(f"{top}/n", b"123456789012345")
step("too much", batch.commit)
batch = client.transaction()
batch.create(f"{top}/m", b"1")
batch.delete(f"{top}/m")
step("in and out", batch.commit)
used("after multis", top)

say("soft limits only warn")
soft = f"{ROOT}/soft"
client.create(soft)
limits(soft, b"count=1,bytes=1")
step("more", lambda: client.create(f"{soft}/x", b"12345"))
used("soft", soft)

say("the longest armed prefix counts")
client.create(f"{soft}/in")
limits(f"{soft}/in", b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2")
step("inside", lambda: client.create(f"{soft}/in/x", b"1"))
step("inside beyond", lambda: client.create(f"{soft}/in/y", b"1"))
used("inner", f"{soft}/in")
used("outer", soft)

say("disarmed")
step("delete the limits", lambda: client.delete(f"{QUOTA}{top}/zookeeper_limits"))
step("all may come", lambda: client.create(f"{top}/g", b"x" * 100))
used("disarmed", top)
step("statistics alone", lambda: client.get_children(f"{QUOTA}{top}"))
step("served on", lambda: client.create(f"{ROOT}/last"))
client.delete(f"{QUOTA}{ROOT}", recursive=True)
client.end()
