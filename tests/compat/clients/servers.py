"""How do three servers of one kind start, die and come back, so that a suite can be run against them?"""

import base64
import hashlib
import os
import queue
import re
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import Future
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICK_MS = 1000
PATIENCE_S = 90
CLIENT_PORT, QUORUM_PORT, ELECTION_PORT = 2181, 2888, 3888

# The superuser of every suite signs in as super:test.
SUPER = "super:" + base64.b64encode(hashlib.sha1(b"super:test").digest()).decode()

SETTINGS = {
    "tickTime": TICK_MS,
    "initLimit": 30,
    "syncLimit": 15,
    "clientPort": CLIENT_PORT,
    "maxClientCnxns": 0,
    "minSessionTimeout": 2 * TICK_MS,
    "maxSessionTimeout": 40 * TICK_MS,
    "admin.enableServer": "false",
    "4lw.commands.whitelist": "*",
    "extendedTypesEnabled": "true",
    "enforceQuota": "true",
    "DigestAuthenticationProvider.superDigest": SUPER,
    "znode.container.checkIntervalMs": 500,
}

# What quorate is not told.
NOT_YET = set()

# Apache reads this one from a system property alone.
JAVA = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dznode.container.checkIntervalMs=500"]


def claim():
    """A block of loopback addresses that no other live test has, by the same token as the harness of tests/."""
    for n in range(253 * 256):
        n = (os.getpid() * 97 + n) % (253 * 256)
        block = f"127.{2 + n // 256}.{n % 256}"
        token = socket.socket()
        try:
            token.bind((block + ".253", 20253))
            token.listen()
            return block, token
        except OSError:
            token.close()
    raise SystemExit("every block 127.a.b.0/24 is claimed, or loopback takes no other address")


def four_letters(host, word):
    try:
        with socket.create_connection((host, CLIENT_PORT), timeout=5) as link:
            link.sendall(word)
            said = b""
            while part := link.recv(4096):
                said += part
            return said.decode()
    except OSError:
        return ""


def wait_until(what, fact, patience_s=PATIENCE_S):
    deadline = time.monotonic() + patience_s
    while not (value := fact()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {patience_s} s: {what}")
        time.sleep(0.05)
    return value


class Starter:
    """Starts processes from one thread that lives as long as this program does: the kernel kills a server when the
    thread that started it ends, and so none outlives a run that is itself killed."""

    def __init__(self):
        self.jobs = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            words, options, reply = self.jobs.get()
            try:
                reply.set_result(subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], **options))
            except OSError as why:
                reply.set_exception(why)

    def start(self, words, **options):
        reply = Future()
        self.jobs.put((words, options, reply))
        return reply.result()


STARTER = Starter()


class Ensemble:
    """Three servers of a kind, `apache` or `quorate`, with fresh directories below `home`."""

    def __init__(self, kind, home, program):
        self.kind, self.home, self.program = kind, home, program
        self.block, self.token = claim()
        self.processes = {}
        for i in self.ids():
            (home / str(i) / "data").mkdir(parents=True)
            (home / str(i) / "data" / "myid").write_text(f"{i}\n")
            (home / str(i) / "zoo.cfg").write_text(self.config(i))

    def ids(self):
        return range(1, 4)

    def host(self, i):
        return f"{self.block}.{i}"

    def address(self, i):
        return f"{self.host(i)}:{CLIENT_PORT}"

    def addresses(self):
        return [self.address(i) for i in self.ids()]

    def config(self, i):
        settings = {key: value for key, value in SETTINGS.items() if self.kind == "apache" or key not in NOT_YET}
        here = {"dataDir": self.home / str(i) / "data", "clientPortAddress": self.host(i)}
        members = {f"server.{j}": f"{self.host(j)}:{QUORUM_PORT}:{ELECTION_PORT}" for j in self.ids()}
        return "".join(f"{key}={value}\n" for key, value in {**settings, **here, **members}.items())

    def start(self, i):
        home = self.home / str(i)
        config = str(home / "zoo.cfg")
        if self.kind == "apache":
            (home / "log4j2.properties").write_text(LOG4J)
            words = [*JAVA, "-cp", f"{home}:{self.program}/*"]
            words += ["org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        else:
            words = [self.program, "serve", config]
        with open(home / "log", "ab") as log:
            self.processes[i] = STARTER.start(words, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def mode(self, i):
        found = re.search(r"^Mode: (\w+)$", four_letters(self.host(i), b"srvr"), re.M)
        return found and found[1]

    def wait_serving(self):
        for i in self.ids():
            process = self.processes[i]

            def serves(i=i, process=process):
                if process.poll() is not None:
                    log = (self.home / str(i) / "log").read_text(errors="replace").splitlines()[-8:]
                    raise SystemExit(f"{self.kind} server {i} ended with {process.returncode}:\n" + "\n".join(log))
                return self.mode(i)

            wait_until(f"{self.kind} server {i} serves", serves)

    def start_all(self):
        for i in self.ids():
            self.start(i)

    def kill(self, i):
        process = self.processes[i]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop_all(self):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.token.close()

    def id_of(self, address):
        return self.addresses().index(address) + 1

    def asked(self, words):
        """Does what a suite asked for, and gives the answer it waits for."""
        match words:
            case ["leader"]:
                is_one = lambda: next((i for i in self.ids() if self.mode(i) == "leader"), None)
                return self.address(wait_until("one server leads", is_one))
            case ["followers"]:
                two = lambda: [i for i in self.ids() if self.mode(i) == "follower"]
                followers = wait_until("two servers follow", lambda: len(two()) == 2 and two())
                return " ".join(map(self.address, followers))
            case ["kill", address]:
                self.kill(self.id_of(address))
            case ["start", address]:
                self.start(self.id_of(address))
                self.wait_serving()
            case _:
                raise ValueError(f"a suite asked for {words}")
        return "done"


LOG4J = """\
rootLogger.level=warn
rootLogger.appenderRef.c.ref=c
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %c{1} %m%n
"""
