"""Requests that kazoo has no methods for, in the form of its own."""

from collections import namedtuple

from kazoo.exceptions import EXCEPTIONS
from kazoo.protocol.serialization import (
    int_struct,
    long_struct,
    multiheader_struct,
    read_acl,
    read_buffer,
    read_string,
    stat_struct,
    write_buffer,
)
from kazoo.protocol.states import ZnodeStat

PERSISTENT, EPHEMERAL, SEQUENCE, EPHEMERAL_SEQUENCE, CONTAINER, TTL, SEQUENCE_TTL = range(7)


def string(text):
    return write_buffer(None if text is None else text.encode())


def strings(texts):
    return int_struct.pack(len(texts)) + b"".join(map(string, texts))


def acls(entries):
    body = b"".join(int_struct.pack(a.perms) + string(a.id.scheme) + string(a.id.id) for a in entries)
    return int_struct.pack(len(entries)) + body


def read_stat(bytes, offset):
    return ZnodeStat._make(stat_struct.unpack_from(bytes, offset)), offset + stat_struct.size


def read_strings(bytes, offset):
    count = int_struct.unpack_from(bytes, offset)[0]
    offset += int_struct.size
    values = []
    for _ in range(count):
        value, offset = read_string(bytes, offset)
        values.append(value)
    return values, offset


class Nothing:
    @classmethod
    def deserialize(cls, bytes, offset):
        return True


class Raw(Nothing, namedtuple("Raw", "type body")):
    """Any type with any body, answered with nothing that matters."""

    def serialize(self):
        return self.body


class Create(namedtuple("Create", "type path data acl flags ttl", defaults=[None])):
    """Types 1, 15, 19 and 21, by number."""

    def serialize(self):
        body = string(self.path) + write_buffer(self.data) + acls(self.acl) + int_struct.pack(self.flags)
        return body if self.ttl is None else body + long_struct.pack(self.ttl)

    def deserialize(self, bytes, offset):
        path, offset = read_string(bytes, offset)
        return path if self.type == 1 else (path, read_stat(bytes, offset)[0])


class PathVersion(Nothing, namedtuple("PathVersion", "type path version")):
    """Types 2 (delete) and 13 (check)."""

    def serialize(self):
        return string(self.path) + int_struct.pack(self.version)


class SetData(namedtuple("SetData", "path data version")):
    type = 5

    def serialize(self):
        return string(self.path) + write_buffer(self.data) + int_struct.pack(self.version)


class Read(namedtuple("Read", "type path")):
    """Types 4 (getData) and 8 (getChildren), as parts of a multiRead."""

    def serialize(self):
        return string(self.path) + b"\0"


class Multi(namedtuple("Multi", "operations type", defaults=[14])):
    """A multi (14) or multiRead (22) whose answer is a list of everything in it."""

    def serialize(self):
        parts = [multiheader_struct.pack(part.type, False, -1) + part.serialize() for part in self.operations]
        return b"".join(parts) + multiheader_struct.pack(-1, True, -1)

    def deserialize(self, bytes, offset):
        results = []
        while True:
            type, done, err = multiheader_struct.unpack_from(bytes, offset)
            offset += multiheader_struct.size
            if done:
                return [(f"end type={type} err={err}",)] if not results else results
            if type == -1:
                code = int_struct.unpack_from(bytes, offset)[0]
                offset += int_struct.size
                results.append((f"err={err}", EXCEPTIONS[code]()))
            elif type in (1, 15):
                value, offset = read_string(bytes, offset)
                value = (f"type={type}", value)
                if type == 15:
                    stat, offset = read_stat(bytes, offset)
                    value = (*value, stat)
                results.append(value)
            elif type == 4:
                data, offset = read_buffer(bytes, offset)
                stat, offset = read_stat(bytes, offset)
                results.append((data, stat))
            elif type == 8:
                children, offset = read_strings(bytes, offset)
                results.append((children,))
            elif type == 5:
                stat, offset = read_stat(bytes, offset)
                results.append(("type=5", stat))
            else:
                results.append((f"type={type}",))


class PathInt(Nothing, namedtuple("PathInt", "type path number")):
    """Types 17 and 18 (check and remove watches of a type), 106 (add a watch of a mode)."""

    def serialize(self):
        return string(self.path) + int_struct.pack(self.number)


def add_watch(path, mode):
    return PathInt(106, path, {"persistent": 0, "recursive": 1}.get(mode, mode))


WATCHER = {"children": 1, "data": 2, "any": 3, "persistent": 4, "recursive": 5}


def remove_watches(path, which):
    return PathInt(18, path, WATCHER.get(which, which))


def check_watches(path, which):
    return PathInt(17, path, WATCHER.get(which, which))


class SetWatches(Nothing, namedtuple("SetWatches", "zxid data exist child persistent recursive", defaults=[None, None])):
    """setWatches (101), or setWatches2 (105) if persistent ones are named."""

    @property
    def type(self):
        return 101 if self.persistent is None else 105

    def serialize(self):
        lists = [self.data, self.exist, self.child]
        if self.persistent is not None:
            lists += [self.persistent, self.recursive]
        return long_struct.pack(self.zxid) + b"".join(map(strings, lists))


class GetEphemerals(namedtuple("GetEphemerals", "prefix")):
    type = 103

    def serialize(self):
        return string(self.prefix)

    def deserialize(self, bytes, offset):
        return read_strings(bytes, offset)[0]


class GetAllChildrenNumber(namedtuple("GetAllChildrenNumber", "path")):
    type = 104

    def serialize(self):
        return string(self.path)

    def deserialize(self, bytes, offset):
        return int_struct.unpack_from(bytes, offset)[0]


class WhoAmI(namedtuple("WhoAmI", "body", defaults=[b""])):
    # kazoo never answers a request that is an empty tuple.
    type = 107

    def serialize(self):
        return self.body

    def deserialize(self, bytes, offset):
        count = int_struct.unpack_from(bytes, offset)[0]
        offset += int_struct.size
        ids = []
        for _ in range(count):
            scheme, offset = read_string(bytes, offset)
            user, offset = read_string(bytes, offset)
            ids.append(f"{scheme}:{user}")
        return ids
