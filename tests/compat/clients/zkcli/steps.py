"""Drives Apache's zkCli, and says what it printed in the vocabulary of ../README.md."""

import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time

HOSTS = sys.argv[1].split(",")
JARS = sys.argv[2]
ROOT = os.environ["SUITE_ROOT"]
PATIENCE_S = 60
SENTINEL = "ZooKeeper CLI version"
EVENT = re.compile(r"WatchedEvent state:(\w+) type:(\w+) path:(\S*) zxid: (-?\d+)")
# What it prints beside answers: its greeting, its prompt, and a stack trace's lines.
NOISE = re.compile(
    r"^(Connecting to |Welcome to ZooKeeper|JLine support|\s*at |\[zk: |WATCHER::|SLF4J|WARNING|Session establishment)"
)


def say(line):
    print(line, flush=True)


class Cli:
    """One zkCli process, and with it one session."""

    def __init__(self, hosts=HOSTS, timeout_ms=20_000, *options):
        quiet = tempfile.mkdtemp(prefix="zkcli-", dir=os.getcwd())
        with open(f"{quiet}/log4j2.properties", "w") as log:
            log.write("rootLogger.level=off\n")
        java = ["java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{quiet}:{JARS}/*"]
        main = ["org.apache.zookeeper.ZooKeeperMain", "-timeout", str(timeout_ms), *options, "-server", ",".join(hosts)]
        self.process = subprocess.Popen(
            java + main, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self.lines, self.events = queue.Queue(), queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if found := EVENT.search(line):
                if found[2] != "None":
                    self.events.put(f"{found[2]} {found[3]} state={found[1]} zxid=<z:{found[4]}>")
            elif line and not NOISE.match(line):
                self.lines.put(line)
        self.lines.put(None)

    def command(self, words):
        """Sends a command, and gives the lines that it printed, by way of another that marks the end."""
        self.process.stdin.write(words + "\nversion\n")
        self.process.stdin.flush()
        said = []
        while (line := self.lines.get(timeout=PATIENCE_S)) is not None and SENTINEL not in line:
            said.append(line)
        return said

    def step(self, words):
        """Says a command and what it printed, a Stat in one line; who one is comes in no order."""
        say(f"$ {words}")
        said = stats(self.command(words))
        for line in sorted(said) if words == "whoami" else said:
            say(f"  {line}")

    def wait_events(self, label, count=1):
        say(f"{label}:")
        for _ in range(count):
            say("  event " + self.events.get(timeout=PATIENCE_S))

    def no_events(self, label):
        """That none came until this client caught up with the leader."""
        self.command("sync /")
        say(f"{label}: {self.events.qsize()} events")

    def quit(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)

    def die(self):
        self.process.kill()
        self.process.wait()


STAT = re.compile(
    r"^(cZxid|ctime|mZxid|mtime|pZxid|cversion|dataVersion|aclVersion|ephemeralOwner|dataLength|numChildren) = (.*)$"
)


def stats(lines):
    """Lines as printed, but the eleven of a Stat as one: zxids to be ranked, times judged, owners told from none."""
    shown, fields = [], {}
    for line in lines:
        if not (found := STAT.match(line)):
            shown.append(line)
            continue
        fields[found[1]] = found[2]
        if found[1] == "numChildren":
            shown.append(stat(fields))
            fields = {}
    return shown


def stat(fields):
    zxid = lambda name: f"<z:{int(fields[name], 16)}>"
    year = time.strftime("%Y")
    times = "zero" if "1970" in fields["ctime"] else "right" if fields["ctime"].endswith(year) else fields["ctime"]
    owner = "none" if fields["ephemeralOwner"] == "0x0" else "some"
    return (
        f"czxid={zxid('cZxid')} mzxid={zxid('mZxid')} pzxid={zxid('pZxid')} version={fields['dataVersion']} "
        f"cversion={fields['cversion']} aversion={fields['aclVersion']} owner={owner} length={fields['dataLength']} "
        f"children={fields['numChildren']} times={times}"
    )
