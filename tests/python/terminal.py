"""Drives `QUORATE shell` at HOST on a terminal of its own, one JSON line per step."""

import json
import os
import pty
import re
import select
import sys
import tempfile

PATIENCE_S = 60


class Terminal:
    def __init__(self, words, home):
        self.seen = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", XDG_STATE_HOME=home)
            os.environ.pop("NO_COLOR", None)
            os.execv(words[0], words)

    def type(self, text):
        os.write(self.master, text.encode())

    def reads(self, seconds):
        """Whether something more was printed within `seconds`; colours are passed over."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            more = os.read(self.master, 65536)
        except OSError:
            sys.exit(f"it ended: {self.seen!r}")
        self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", more.decode(errors="replace"))
        return True

    def until(self, pattern):
        """Reads on behind the first match of `pattern`."""
        while not (found := re.search(pattern, self.seen)):
            if not self.reads(PATIENCE_S):
                sys.exit(f"no {pattern!r} within {PATIENCE_S} s, but {self.seen!r}")
        self.seen = self.seen[found.end() :]

    def end(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def say(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def main(binary, host):
    home = tempfile.mkdtemp()
    shell = Terminal([binary, "shell", "-s", host], home)
    # On a line of its own: each key paints the line anew, without a line end before it.
    prompt = r"(?:^|\n)\r?\[zk: [^\]]*\(CONNECTED\) \d+\] "
    shell.until(prompt)
    shell.type("create /terminal one\r")
    shell.until(r"Created /terminal\r?\n")
    shell.until(prompt)
    # Tab completes a command, then a path that is there.
    shell.type("ge")
    shell.type("t /term\t")
    shell.until(r"/terminal")
    shell.type("\r")
    shell.until(r"\none\r?\n")
    shell.until(prompt)
    say("completed")
    # Ctrl-C leaves the line, and the shell is there.
    shell.type("delete /terminal\x03")
    shell.until(prompt)
    shell.type("stat /terminal\r")
    shell.until(r"numChildren = 0\r?\n")
    shell.until(prompt)
    say("left the line")
    # Ctrl-C ends what would go on for ever.
    shell.type("watch /terminal\r")
    other = Terminal([binary, "shell", "-s", host], home)
    other.until(prompt)
    # A change may come before the watch is there.
    for change in range(1, 100):
        other.type(f"set /terminal {change}\r")
        other.until(prompt)
        shell.reads(0.2)
        if "NodeDataChanged" in shell.seen:
            break
    shell.type("\x03")
    shell.until(prompt)
    shell.type("get /terminal\r")
    shell.until(rf"\n{change}\r?\n")
    shell.until(prompt)
    say("ended a watch")
    # Ctrl-D ends the shell; what was typed is remembered, but for passwords.
    shell.type("addauth digest joe:secret\r")
    shell.until(prompt)
    shell.type("\x04")
    other.type("\x04")
    say("ended", codes=[shell.end(), other.end()])
    history = open(os.path.join(home, "quorate", "shell_history")).read()
    say("history", kept="create /terminal one" in history, secret="secret" in history)


if __name__ == "__main__":
    main(*sys.argv[1:])
