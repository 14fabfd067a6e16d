"""What does a transcript say once everything that differs from run to run is gone?"""

import difflib
import re

ZXID = re.compile(r"<z:(-?\d+)>")


def normalise(lines):
    """Zxids become ranks: `z1` is the lowest in the transcript. 0 and -1 name no transaction and stay."""
    seen = {int(z) for line in lines for z in ZXID.findall(line)}
    ranks = {z: f"z{rank}" for rank, z in enumerate(sorted(z for z in seen if z > 0), 1)}
    return [ZXID.sub(lambda z: ranks.get(int(z[1]), z[1]), line) for line in lines]


def equal_lines(left, right):
    blocks = difflib.SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def differences(left, right, left_name, right_name):
    return list(difflib.unified_diff(left, right, left_name, right_name, lineterm="", n=2))
