"""Which client libraries are there, where do they come from, and how is a suite of each started?"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from servers import HERE

TESTS = HERE.parents[1]


def output(*words, **options):
    """What a script prints; its complaints are ours, and so is its failure."""
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{words[0]} ended with {done.returncode}")
    return done.stdout.strip()


@cache
def apache_jars():
    return output("bash", str(HERE.parent / "apache.sh"))


def target():
    path = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[2] / "target")) / "clients"
    path.mkdir(parents=True, exist_ok=True)
    return path


def debian(*packages):
    """Installs packages of Debian."""
    quiet = dict(env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    output("apt-get", "update", "-qq", **quiet)
    output("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, **quiet)


class Client:
    """A client library: a directory of suites, one file each."""

    def __init__(self, name, title, order, ending):
        self.name, self.title, self.order, self.ending = name, title, order, ending

    def suites(self):
        return [suite for suite in self.order if (HERE / self.name / (suite + self.ending)).exists()]

    def prepare(self):
        """Fetches and builds what the suites need."""


class Kazoo(Client):
    def prepare(self):
        self.python = output("bash", str(TESTS / "python" / "env.sh"))

    def words(self, suite, hosts):
        return [self.python, str(HERE / self.name / f"{suite}.py"), hosts]


class ZkCli(Client):
    def words(self, suite, hosts):
        return [sys.executable, str(HERE / self.name / f"{suite}.py"), hosts, apache_jars()]


class C(Client):
    """Debian's libzookeeper-mt."""

    def prepare(self):
        if not Path("/usr/include/zookeeper/zookeeper.h").exists():
            debian("libzookeeper-mt-dev")
        flags = ["-std=gnu11", "-Wall", "-Wno-unused-function", "-O1"]
        for suite in self.suites():
            source = HERE / self.name / f"{suite}.c"
            output("cc", *flags, str(source), "-o", self.program(suite), "-lzookeeper_mt", "-lpthread")

    def program(self, suite):
        return str(target() / f"c-{suite}")

    def words(self, suite, hosts):
        return [self.program(suite), hosts]


class Node(Client):
    """node-zookeeper-client from the npm registry, as package-lock.json has it."""

    def prepare(self):
        home, here = target() / "node", HERE / self.name
        home.mkdir(exist_ok=True)
        for file in ("package.json", "package-lock.json"):
            if not (home / file).exists() or (home / file).read_bytes() != (here / file).read_bytes():
                (home / file).write_bytes((here / file).read_bytes())
                shutil.rmtree(home / "node_modules", ignore_errors=True)
        if not (home / "node_modules").exists():
            output("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=home)
        self.modules = home / "node_modules"

    def words(self, suite, hosts):
        return ["env", f"NODE_SUITE_MODULES={self.modules}", "node", str(HERE / self.name / f"{suite}.js"), hosts]


class Rust(Client):
    """The crate zookeeper-client, in a workspace of its own."""

    def suites(self):
        return [suite for suite in self.order if (HERE / self.name / "src" / "bin" / f"{suite}.rs").exists()]

    def prepare(self):
        built = {**os.environ, "CARGO_TARGET_DIR": str(target() / "rust")}
        output("cargo", "build", "--quiet", "--locked", "--bins", cwd=HERE / self.name, env=built)

    def words(self, suite, hosts):
        return [str(target() / "rust" / "debug" / suite), hosts]


class Curator(Client):
    """Curator and Apache's own Java client below it, out of the same archive as Apache's servers."""

    def file(self, suite):
        return suite.capitalize()

    def suites(self):
        return [suite for suite in self.order if (HERE / self.name / f"{self.file(suite)}.java").exists()]

    def prepare(self):
        if not shutil.which("javac"):
            debian("openjdk-17-jdk-headless")
        jars = output("bash", str(HERE.parent / "apache.sh"), "curator")
        classes = target() / "curator"
        shutil.rmtree(classes, ignore_errors=True)
        classes.mkdir()
        (classes / "log4j2.properties").write_text("rootLogger.level=off\n")
        self.path = f"{classes}:{jars}/*:{apache_jars()}/*"
        sources = map(str, (HERE / self.name).glob("*.java"))
        output("javac", "-nowarn", "-Xlint:none", "-d", str(classes), "-cp", self.path, *sources)

    def words(self, suite, hosts):
        return ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self.path, self.file(suite), hosts]


ORDER = "basics queries watches multi acl sessions containers quotas limits recipes failover".split()

CLIENTS = [
    Kazoo("kazoo", "kazoo 2.11.0", ORDER, ".py"),
    Curator("curator", "Curator 5.7.1", ORDER, ".java"),
    C("c", "C client 3.8.0", ORDER, ".c"),
    Rust("rust", "zookeeper-client 0.11.2", ORDER, ".rs"),
    Node("node", "node-zookeeper-client 1.1.3", ORDER, ".js"),
    ZkCli("zkcli", "zkCli 3.9.3", ORDER, ".py"),
]
