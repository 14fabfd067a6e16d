"""Containers and znodes with a lifetime, with extendedTypesEnabled."""

from kazoo.security import OPEN_ACL_UNSAFE as OPEN

from requests import CONTAINER, SEQUENCE_TTL, TTL, Create
from steps import ROOT, connected, say, step, wait_events

client = connected()
client.create(ROOT)
mine = client.session()


def create(type, path, flags, ttl=None):
    return lambda: client.call(Create(type, ROOT + path, b"", OPEN, flags, ttl))


def ignored(event):
    """What a watch calls; what came is taken from the wire."""


say("containers")
step("create", create(19, "/c", CONTAINER), mine)
step("again", create(19, "/c", CONTAINER), mine)
step("by a create with the flag", create(15, "/c4", CONTAINER), mine)
step("whatever the flag says", create(19, "/c0", 0), mine)
step("a child", lambda: client.create(f"{ROOT}/c/x"))
step("an ephemeral child", lambda: client.create(f"{ROOT}/c/e", ephemeral=True))
step("delete with children", lambda: client.delete(f"{ROOT}/c"))
step("stat", lambda: client.exists(f"{ROOT}/c"), mine)
client.exists(f"{ROOT}/c", watch=ignored)
step("last child but one", lambda: client.delete(f"{ROOT}/c/e"))
step("last child", lambda: client.delete(f"{ROOT}/c/x"))
wait_events(client, "the container goes after it")
step("is gone", lambda: client.exists(f"{ROOT}/c"))
step("one that never had a child stays", lambda: client.exists(f"{ROOT}/c0"), mine)
step("and can be deleted", lambda: client.delete(f"{ROOT}/c0"))

say("lifetimes")
step("create", create(21, "/t", TTL, 2_000), mine)
client.exists(f"{ROOT}/t", watch=ignored)
step("sequential", create(21, "/t-", SEQUENCE_TTL, 3_600_000), mine)
step("the longest", create(21, "/long", TTL, (1 << 40) - 1), mine)
step("a child of one", lambda: client.create(f"{ROOT}/long/x"))
step("zero", create(21, "/no", TTL, 0))
step("negative", create(21, "/no", TTL, -1))
step("too long", create(21, "/no", TTL, 1 << 40))
step("below nothing", create(21, "/no/t", TTL, 400))
step("again", create(21, "/t-0000000004", TTL, 400))
wait_events(client, "it ends")
step("is gone", lambda: client.exists(f"{ROOT}/t"))
step("others stay", lambda: client.get_children(ROOT))
say("one with a child outlives its time, until the child goes")
step("create", create(21, "/p", TTL, 2_000), mine)
step("a child", lambda: client.create(f"{ROOT}/p/x"))
step("and one that only counts the time", create(21, "/clock", TTL, 2_001), mine)
client.exists(f"{ROOT}/clock", watch=ignored)
wait_events(client, "the time is over")
step("it is there", lambda: client.exists(f"{ROOT}/p"), mine)
client.exists(f"{ROOT}/p", watch=ignored)
step("the child goes", lambda: client.delete(f"{ROOT}/p/x"))
wait_events(client, "and it after it")
step("children", lambda: client.get_children(ROOT))
client.end()
