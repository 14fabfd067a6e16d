"""multi: success, every position that fails, checks, ephemerals, sequences, containers and lifetimes inside; multiRead."""

from kazoo.security import ACL, OPEN_ACL_UNSAFE as OPEN, Id

from requests import CONTAINER, EPHEMERAL, EPHEMERAL_SEQUENCE, SEQUENCE, SEQUENCE_TTL, TTL
from requests import Create, Multi, PathVersion, Raw, Read, SetData, add_watch
from steps import HOSTS, ROOT, connected, say, say_events, step

client, other = connected([HOSTS[0]]), connected([HOSTS[1]])
mine = client.session()
client.create(ROOT)


def create(path, type=1, flags=0, ttl=None, data=b"", acl=OPEN):
    return Create(type, ROOT + path, data, acl, flags, ttl)


def delete(path, version=-1):
    return PathVersion(2, ROOT + path, version)


def check(path, version=-1):
    return PathVersion(13, ROOT + path, version)


def set(path, data, version=-1):
    return SetData(ROOT + path, data, version)


def multi(label, *parts):
    step(label, lambda: client.call(Multi(parts)), mine)


say("kazoo's own")
batch = client.transaction()
batch.create(f"{ROOT}/k", b"1")
batch.check(f"{ROOT}/k", 0)
batch.set_data(f"{ROOT}/k", b"2", 0)
batch.delete(f"{ROOT}/k", 1)
step("create, check, set, delete", batch.commit, mine)
batch = client.transaction()
batch.create(f"{ROOT}/k", b"1")
batch.check(f"{ROOT}/no", 0)
batch.delete(f"{ROOT}/k")
step("a check that fails", batch.commit, mine)

say("success")
multi("every kind of create", create("/p"), create("/e", flags=EPHEMERAL), create("/s-", flags=SEQUENCE),
      create("/es-", flags=EPHEMERAL_SEQUENCE), create("/p2", 15), create("/c", 19, CONTAINER), create("/t", 21, TTL, 60_000),
      create("/st-", 21, SEQUENCE_TTL, 60_000), create("/c4", 1, CONTAINER), create("/ttl-of-none", 21, 0, -1))
step("one zxid, one time", lambda: client.get_children(ROOT, include_data=True), mine)
multi("parents and children made together", create("/x"), create("/x/y"), create("/x/y/z"), set("/x/y", b"1"), check("/x/y", 1),
      delete("/x/y/z"), create("/x/y/z"))
step("in the end", lambda: client.get(f"{ROOT}/x/y"))
multi("sequences in one parent", *[create("/x/s-", flags=SEQUENCE) for _ in range(3)])
multi("sets of one node", set("/p", b"1"), set("/p", b"22", 1), set("/p", b"333", 2))
multi("nothing")
multi("a check alone", check("/p", 3))
multi("deletes of what was made together", *[delete(f"/x/s-000000000{i}") for i in range(2, 5)])

say("failure")
for place in range(4):
    good = [create("/f"), set("/p", b"x"), create("/f/g")]
    multi(f"NoNode at {place}", *good[:place], delete("/no"), *good[place:])
step("nothing was done", lambda: client.exists(f"{ROOT}/f"))
step("nor set", lambda: client.get(f"{ROOT}/p"))
multi("NodeExists", create("/q"), create("/p"))
multi("BadVersion of a set", create("/q"), set("/p", b"", 9))
multi("BadVersion of a delete", create("/q"), delete("/p", 9))
multi("BadVersion of a check", create("/q"), check("/p", 9))
multi("NotEmpty", create("/q"), delete("/x"))
multi("NoChildrenForEphemerals", create("/q"), create("/e/no"))
multi("BadArguments", create("/q"), create("/a//b"), create("/r"))
multi("BadArguments of a path", create("/q"), create("/.."), create("/r"))
multi("InvalidACL", create("/q"), create("/r", acl=[]))
multi("InvalidACL of a scheme", create("/q"), create("/r", acl=[ACL(31, Id("none", "such"))]))
multi("NoAuth", create("/q"), SetData("/zookeeper/config", b"", -1))
multi("a failure after a failure", delete("/no"), delete("/no"), create("/p"))
multi("its own failure", create("/q"), create("/q"))
multi("its own delete", create("/q"), delete("/q"), delete("/q"))
multi("only a failure", check("/no"))
multi("a sequence that is taken back", create("/s-", flags=SEQUENCE), check("/no"))
multi("the counter was taken back too", create("/s-", flags=SEQUENCE))
step("parent", lambda: client.exists(ROOT))
for label, part in [("flags that are none", create("/q", flags=9)), ("TTL flags in a create", create("/q", flags=TTL)),
                    ("a TTL of none", create("/q", 21, TTL, 0)), ("a TTL that is too long", create("/q", 21, TTL, 1 << 40)),
                    ("a read inside", Read(4, ROOT)), ("a setACL inside", Raw(7, b"")), ("a sync inside", Raw(9, b"\0\0\0\1/"))]:
    bold = connected([HOSTS[0]])
    step(label, lambda: bold.call(Multi([create("/before"), part])))
    step("  and served on", lambda: bold.exists(f"{ROOT}/before"))
    bold.end()

say("watches: events of one multi come in the order of its parts")
other.sync("/")
step("watch", lambda: other.call(add_watch(ROOT, "recursive")))
multi("four changes", create("/w"), set("/w", b"1"), set("/p", b"w"), delete("/w"))
say_events(other, "told")
multi("refused", create("/w"), check("/no"))
say_events(other, "told nothing")

say("multiRead")
step("data and children", lambda: client.call(Multi([Read(4, f"{ROOT}/p"), Read(8, f"{ROOT}/x/y"), Read(8, f"{ROOT}/p")], 22)))
step("one that is missing", lambda: client.call(Multi([Read(4, f"{ROOT}/no"), Read(4, f"{ROOT}/p"), Read(8, f"{ROOT}/no")], 22)))
step("none", lambda: client.call(Multi([], 22)))

step("ephemerals", lambda: other.get(f"{ROOT}/e"), mine)
client.end()
other.sync("/")
step("are gone with their session", lambda: other.exists(f"{ROOT}/e"))
say_events(other, "told of the end", in_order=False)
other.end()
