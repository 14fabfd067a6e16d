"""Creates of every mode, sequence numbers, versions, errors and their order, Stat fields."""

from kazoo.security import OPEN_ACL_UNSAFE as OPEN

from requests import Create, PathVersion, SetData
from steps import ROOT, Client, connected, say, step

client = connected()
mine = client.session()


def do(label, call):
    step(label, call, mine)


do("root before", lambda: client.get("/zookeeper"))
do("create", lambda: client.create(ROOT, b"one"))
do("exists", lambda: client.exists(ROOT))
do("get", lambda: client.get(ROOT))
do("create again", lambda: client.create(ROOT))
do("create with stat", lambda: client.create(f"{ROOT}/a", b"", include_data=True))
do("create with null data", lambda: client.create(f"{ROOT}/null", None))
do("null data reads back", lambda: client.get(f"{ROOT}/null"))
do("create in vain: no parent", lambda: client.create(f"{ROOT}/no/b"))
do("ephemeral", lambda: client.create(f"{ROOT}/e", b"e", ephemeral=True, include_data=True))
do("child of an ephemeral", lambda: client.create(f"{ROOT}/e/x"))
do("parent after", lambda: client.exists(ROOT))

for i in range(3):
    do(f"sequential {i}", lambda: client.create(f"{ROOT}/s-", sequence=True))
do("ephemeral sequential", lambda: client.create(f"{ROOT}/s-", ephemeral=True, sequence=True))
do("delete moves no counter", lambda: client.delete(f"{ROOT}/s-0000000005"))
do("sequential after a delete", lambda: client.create(f"{ROOT}/other-", sequence=True))
do("sequential without a name", lambda: client.create(f"{ROOT}/", sequence=True))
do("sequential below nothing", lambda: client.create(f"{ROOT}/no/s-", sequence=True))
do("children", lambda: client.get_children(ROOT))
do("children with stat", lambda: client.get_children(ROOT, include_data=True))

do("set", lambda: client.set(f"{ROOT}/a", b"two"))
do("set at version", lambda: client.set(f"{ROOT}/a", b"three", version=1))
do("set at an old version", lambda: client.set(f"{ROOT}/a", b"x", version=1))
do("set at a version to come", lambda: client.set(f"{ROOT}/a", b"x", version=7))
do("set where nothing is", lambda: client.set(f"{ROOT}/no", b"x"))
do("set the same again", lambda: client.set(f"{ROOT}/a", b"three"))
do("get after sets", lambda: client.get(f"{ROOT}/a"))
do("parent is untouched by sets", lambda: client.exists(ROOT))

do("delete with a child", lambda: client.delete(ROOT))
do("delete with a child at a wrong version", lambda: client.delete(ROOT, version=9))
do("delete at a wrong version", lambda: client.delete(f"{ROOT}/a", version=9))
do("delete at its version", lambda: client.delete(f"{ROOT}/a", version=3))
do("delete what is gone", lambda: client.delete(f"{ROOT}/a"))
do("read what is gone", lambda: client.get(f"{ROOT}/a"))
do("exists of what is gone", lambda: client.exists(f"{ROOT}/a"))
do("children of what is gone", lambda: client.get_children(f"{ROOT}/a"))
do("create in its place", lambda: client.create(f"{ROOT}/a", b"", include_data=True))
do("parent at last", lambda: client.exists(ROOT))

say("paths that may not be")
for path in ["", "x", "x/y", f"{ROOT}//a", f"{ROOT}/../b", f"{ROOT}/.", f"{ROOT}/..", f"{ROOT}/.hidden", f"{ROOT}/b/",
             f"{ROOT}/tab\t", f"{ROOT}/del\x7f", f"{ROOT}/\ufff0", f"{ROOT}/ü", f"{ROOT}/\u65e5\u672c", f"{ROOT}/\U0001f600",
             f"{ROOT}/with space", "/"]:
    shown = path.encode("unicode_escape").decode()
    do(f"create {shown!r}", lambda: client.call(Create(1, path, b"", OPEN, 0)))
    do(f"set {shown!r}", lambda: client.call(SetData(path, b"", 99)))
    do(f"delete {shown!r}", lambda: client.call(PathVersion(2, path, 99)))
for path in ["/zookeeper", "/zookeeper/quota", "/zookeeper/config"]:
    do(f"delete {path}", lambda: client.delete(path))
do("create below /zookeeper", lambda: client.create("/zookeeper/kazoo"))
do("delete below /zookeeper", lambda: client.delete("/zookeeper/kazoo"))
do("set /zookeeper/config", lambda: client.set("/zookeeper/config", b""))

say("flags that may not be")
for type, flags, ttl in [(1, 5, None), (1, 6, None), (1, 7, None), (1, -1, None), (15, 5, None), (15, 9, None),
                         (19, 5, None), (21, 5, 0), (21, 5, -1), (21, 5, 1 << 40), (21, 0, 5), (21, 9, 5)]:
    do(f"type {type}, flags {flags}, ttl {ttl}", lambda: client.call(Create(type, f"{ROOT}/f", b"", OPEN, flags, ttl)))
do("a wrong flag comes before a wrong path", lambda: client.call(Create(1, "no", b"", OPEN, 9)))

say("another client sees it")
other = connected()
do("get the other's ephemeral", lambda: other.get(f"{ROOT}/e"))
other.end()
client.end()
after = connected()
step("ephemerals are gone with their session", lambda: after.exists(f"{ROOT}/e"))
step("children", lambda: after.get_children(ROOT))
step("parent", lambda: after.exists(ROOT))
after.end()
