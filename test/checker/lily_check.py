"""An independent checker of Lily's records, Python 3 standard library only.

Written from the format pages alone and sharing no code with Lily: its own canonical JSON, its own Merkle tree, its own Ed25519. It reads
bytes and answers; it never repairs. A record is a file of lines; each line is canonical JSON (RFC 8785) that ends with its own hash:

    hash = SHA-256("lily/event/v1\\n" + line without its last 82 bytes + "}")

    lily_check.py record FILE...                  every line, every hash, every link
    lily_check.py workspace DIR [--key NAME=HEX]  all records, the workspace log, checkpoints and their signatures
    lily_check.py objects DIR                     every object of a store gives its name
    lily_check.py fork SOURCE FORK                two record files: the fork shares the events of the source that it says it shares
    lily_check.py stream                          from stdin, a base64 record a line; answers `ok N HEAD` or `bad WHY`

Exit codes: 0 consistent (and, for workspace with a key, anchored), 2 usage, 4 corrupt, 5 consistent but not anchored or behind its anchor.
`--json` prints one object.
"""

import base64
import hashlib
import json
import os
import re
import sys

SAFE = 2**53 - 1
TAG = b"lily/event/v1\n"
TAIL = re.compile(rb',"hash":"(sha256:[0-9a-f]{64})"\}\Z')
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z\Z")
MEMBERS = {"at", "by", "data", "key", "kind", "prev", "seq", "stream", "token", "v"}
REFUSED_KEYS = {"__proto__", "constructor", "prototype"}


class Corrupt(Exception):
    """The bytes are not a record; the message names the place."""


# Canonical JSON ---------------------------------------------------------------------------------------------------------------------

ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def quote(text):
    out = []
    for char in text:
        if char in ESCAPES:
            out.append(ESCAPES[char])
        elif ord(char) < 0x20:
            out.append("\\u%04x" % ord(char))
        elif 0xD800 <= ord(char) <= 0xDFFF:
            raise Corrupt("lone surrogate")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def number(value):
    """A double as ECMAScript prints it (RFC 8785 section 3.2.2.3)."""
    if value != value or value in (float("inf"), float("-inf")):
        raise Corrupt("a number that JSON does not have")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    point = len(whole) + int(exponent or "0")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    shift = point - 1
    text = digits[0] + ("." + digits[1:] if count > 1 else "")
    return "%s%se%s%d" % (sign, text, "+" if shift > 0 else "-", abs(shift))


def canonical(value):
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        if abs(value) > SAFE:
            raise Corrupt("an integer beyond 2^53-1")
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(quote(key) + ":" + canonical(value[key]) for key in keys) + "}"


def members(pairs):
    result = {}
    for key, value in pairs:
        if key in result:
            raise Corrupt("duplicate key %r" % key)
        if key in REFUSED_KEYS:
            raise Corrupt("key %r is refused" % key)
        result[key] = value
    return result


def constant(name):
    raise Corrupt("%s is not JSON" % name)


def parse(data):
    """Strict: UTF-8, no duplicate keys, and the bytes are exactly the canonical form of what they say."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=members, parse_constant=constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as problem:
        raise Corrupt("not JSON: %s" % problem)
    if canonical(value).encode("utf-8", "surrogatepass") != data:
        raise Corrupt("not in canonical form")
    return value


# Records ----------------------------------------------------------------------------------------------------------------------------


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SAFE


def check_members(event, seq, prev, stream, token):
    if set(event) != MEMBERS:
        raise Corrupt("members %s" % sorted(set(event) ^ MEMBERS))
    if event["v"] != 1 or event["v"] is True:
        raise Corrupt("version %r" % event["v"])
    for name in ("at", "by", "key", "kind", "stream"):
        if not isinstance(event[name], str) or event[name] == "":
            raise Corrupt("%s is not text" % name)
    if not TIME.match(event["at"]):
        raise Corrupt("at is not an RFC 3339 time in UTC")
    if not isinstance(event["data"], dict):
        raise Corrupt("data is not an object")
    if not whole(event["seq"]) or event["seq"] != seq:
        raise Corrupt("seq %r where %d is due" % (event["seq"], seq))
    if event["prev"] != prev:
        raise Corrupt("prev does not name the line before")
    if stream is not None and event["stream"] != stream:
        raise Corrupt("stream %r in the record of %r" % (event["stream"], stream))
    if not whole(event["token"]) or event["token"] < token:
        raise Corrupt("token %r after %d" % (event["token"], token))
    if seq == 0 and (event["data"].get("format") != 1 or not isinstance(event["data"].get("workspace_id"), str) or not isinstance(event["data"].get("kernel_version"), str)):
        raise Corrupt("the first event does not bind workspace, format and kernel version")


def check_record(data, stream=None):
    """Events with their hashes. Raises Corrupt naming line and reason. Empty evidence never verifies."""
    if data == b"":
        raise Corrupt("the record is empty")
    if not data.endswith(b"\n"):
        raise Corrupt("the last line has no end")
    events, prev, token, keys = [], None, 0, set()
    for seq, line in enumerate(data[:-1].split(b"\n")):
        try:
            tail = TAIL.search(line)
            if tail is None:
                raise Corrupt("no hash at its end")
            body = line[:-82] + b"}"
            seen = "sha256:" + hashlib.sha256(TAG + body).hexdigest()
            if tail.group(1).decode() != seen:
                raise Corrupt("its bytes give %s" % seen)
            event = parse(body)
            if not isinstance(event, dict):
                raise Corrupt("not an object")
            check_members(event, seq, prev, stream, token)
            if event["key"] in keys:
                raise Corrupt("key %r is there already" % event["key"])
        except Corrupt as problem:
            raise Corrupt("line %d: %s" % (seq + 1, problem))
        keys.add(event["key"])
        event["hash"] = seen
        prev, token, stream = seen, event["token"], event["stream"]
        events.append(event)
    return events


# Merkle tree (RFC 6962) -------------------------------------------------------------------------------------------------------------


def leaf_hash(leaf):
    body = canonical({"head": leaf["head"], "size": leaf["size"], "stream": leaf["stream"]}).encode()
    return hashlib.sha256(b"\x00" + body).digest()


def tree_root(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + tree_root(hashes[:split]) + tree_root(hashes[split:])).digest()


# Ed25519 (RFC 8032 section 6), verification only ------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def point_add(one, two):
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_read(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT % P
    if (x * x - square) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_read((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verify_signature(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r, s = point_read(key), point_read(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    one, two = point_times(s, BASE), point_add(r, point_times(h, a))
    return (one[0] * two[2] - two[0] * one[2]) % P == 0 and (one[1] * two[2] - two[1] * one[2]) % P == 0


# Checkpoints (C2SP tlog-checkpoint, signed note) ------------------------------------------------------------------------------------


def read_note(note, keys):
    """(size, root, names of given keys that signed it). Raises Corrupt when a given key's signature does not verify."""
    text, gap, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if gap == "" or len(lines) < 3 or not re.match(r"(0|[1-9]\d*)\Z", lines[1]):
        raise Corrupt("checkpoint: not a note of origin, size and root")
    root = base64.b64decode(lines[2], validate=True)
    if base64.b64encode(root).decode() != lines[2] or len(root) != 32:
        raise Corrupt("checkpoint: the root is not 32 bytes in base64")
    signed = []
    if not signatures.endswith("\n") or signatures == "\n":
        raise Corrupt("checkpoint: no signature line")
    for line in signatures[:-1].split("\n"):
        match = re.match("\u2014 ([^ +]+) ([A-Za-z0-9+/]+=*)\\Z", line)
        if match is None:
            raise Corrupt("checkpoint: not a signature line")
        name, data = match.group(1), base64.b64decode(match.group(2), validate=True)
        key = keys.get(name)
        if key is None:
            continue
        if data[:4] != hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]:
            continue
        if not verify_signature(key, (text + "\n").encode(), data[4:]):
            raise Corrupt("checkpoint: the signature of %s does not verify" % name)
        signed.append(name)
    return int(lines[1]), root, signed


def record_paths(root):
    found = {}
    runs = os.path.join(root, "runs")
    for name in sorted(os.listdir(runs)) if os.path.isdir(runs) else []:
        path = os.path.join(runs, name, "record.jsonl")
        if os.path.isfile(path):
            found["run/" + name] = path
    streams = os.path.join(root, "streams")
    for folder, _, names in os.walk(streams):
        for name in sorted(names):
            if name.endswith(".jsonl"):
                path = os.path.join(folder, name)
                found[os.path.relpath(path, streams)[: -len(".jsonl")].replace(os.sep, "/")] = path
    return found


def check_workspace(root, keys, notes):
    records, problems, anchored = {}, [], []
    for stream, path in record_paths(root).items():
        try:
            with open(path, "rb") as file:
                records[stream] = check_record(file.read(), stream)
        except Corrupt as problem:
            problems.append("%s: %s" % (stream, problem))
    leaves, covered = [], 0
    checkpoints = [event for event in records.get("workspace", []) if event["kind"] == "CHECKPOINT_CUT"]
    for event in checkpoints:
        data = event["data"]
        leaves.extend(data["leaves"])
        try:
            if data["size"] != len(leaves):
                raise Corrupt("checkpoint of %s leaves where %d are stated" % (data["size"], len(leaves)))
            size, top, signed = read_note(data["note"], keys)
            if size != len(leaves) or tree_root([leaf_hash(leaf) for leaf in leaves]) != top or data["root"] != "sha256:" + top.hex():
                raise Corrupt("checkpoint: size or root do not fit the leaves")
            if signed:
                anchored, covered = signed, size
        except (Corrupt, ValueError) as problem:
            problems.append("workspace line %d: %s" % (event["seq"] + 1, problem))
    behind = []
    for leaf in leaves:
        events = records.get(leaf["stream"], [])
        if len(events) < leaf["size"]:
            behind.append("%s: %d events where a checkpoint says %d" % (leaf["stream"], len(events), leaf["size"]))
        elif events[leaf["size"] - 1]["hash"] != leaf["head"]:
            problems.append("%s: event %d is not the one that a checkpoint names" % (leaf["stream"], leaf["size"]))
    for note in notes:
        try:
            size, top, signed = read_note(note, keys)
            if size > len(leaves):
                behind.append("workspace: %d leaves where the given checkpoint says %d" % (len(leaves), size))
            elif tree_root([leaf_hash(leaf) for leaf in leaves[:size]]) != top:
                problems.append("workspace: the given checkpoint is of another tree")
        except (Corrupt, ValueError) as problem:
            problems.append("given checkpoint: %s" % problem)
    if not records and not problems:
        problems.append("there is no record")
    result = "corrupt" if problems else "behind_anchor" if behind else "anchored" if anchored else "unanchored"
    heads = {stream: {"events": len(events), "head": events[-1]["hash"]} for stream, events in records.items()}
    return {"result": result, "anchor": anchored, "leaves": covered, "streams": heads, "problems": problems + behind}


def check_objects(root):
    problems, count = [], 0
    for folder, _, names in os.walk(root):
        for rest in names:
            name = os.path.basename(folder) + rest
            if re.match(r"[0-9a-f]{64}\Z", name) and len(rest) == 62:
                count += 1
                with open(os.path.join(folder, rest), "rb") as file:
                    if hashlib.sha256(file.read()).hexdigest() != name:
                        problems.append("%s: its bytes do not give its name" % name)
    return {"result": "corrupt" if problems else "consistent", "objects": count, "problems": problems}


# Forks ------------------------------------------------------------------------------------------------------------------------------


def event_root(events):
    return "sha256:" + tree_root([hashlib.sha256(b"\x00" + bytes.fromhex(event["hash"][7:])).digest() for event in events]).hex()


def check_side(name, side, events):
    count = side["events"]
    if not whole(count) or not 1 <= count <= len(events):
        raise Corrupt("%s: %r events of a record of %d" % (name, count, len(events)))
    if events[count - 1]["hash"] != side["head"]:
        raise Corrupt("%s: event %d is %s, the fork names %s" % (name, count, events[count - 1]["hash"], side["head"]))
    if event_root(events[:count]) != side["root"]:
        raise Corrupt("%s: the first %d events give another root than the fork names" % (name, count))


def check_fork(source_path, fork_path):
    kept = []
    try:
        with open(source_path, "rb") as file:
            source = check_record(file.read())
        with open(fork_path, "rb") as file:
            fork = check_record(file.read())
        claims = [event["data"] for event in fork if event["kind"] == "RUN_FORKED"]
        if len(claims) != 1:
            raise Corrupt("%d claims to be a fork" % len(claims))
        claim = claims[0]
        if source[0]["stream"] != "run/" + claim["from"]["run_id"]:
            raise Corrupt("the fork names run %s, the source is %s" % (claim["from"]["run_id"], source[0]["stream"]))
        check_side("source", claim["from"], source)
        check_side("prefix", claim["prefix"], source)
        shared = source[: claim["prefix"]["events"]]
        for event in shared:
            if event["kind"] in ("STEP_STARTED", "STEP_REUSED") and event["data"]["step_id"] in claim["step_ids"]:
                raise Corrupt("the shared events hold a start of step %s" % event["data"]["step_id"])
        done = {event["hash"]: event["data"] for event in shared if event["kind"] == "STEP_COMPLETED"}
        reused = {event["data"]["step_id"]: event["data"] for event in shared if event["kind"] == "STEP_REUSED"}
        for event in fork:
            if event["kind"] != "STEP_REUSED" or event["data"]["cause"] != "fork":
                continue
            step, origin = event["data"]["step_id"], event["data"]["from"]
            if origin["event"] in done:
                if done[origin["event"]]["step_id"] != step or done[origin["event"]]["attempt"] != origin["attempt"]:
                    raise Corrupt("step %s: the event that it names is of another attempt" % step)
            elif step not in reused or reused[step]["from"] != origin:
                raise Corrupt("step %s: the event that it names is not among those shared" % step)
            kept.append(step)
    except (Corrupt, OSError, KeyError, TypeError) as problem:
        return {"result": "corrupt", "kept": kept, "problems": [str(problem)]}
    return {"result": "consistent", "kept": kept, "shared": len(shared), "problems": []}


# Command line -----------------------------------------------------------------------------------------------------------------------


def check_files(paths):
    problems, streams = [], {}
    for path in paths:
        try:
            with open(path, "rb") as file:
                events = check_record(file.read())
            streams[path] = {"events": len(events), "head": events[-1]["hash"], "stream": events[0]["stream"]}
        except (Corrupt, OSError) as problem:
            problems.append("%s: %s" % (path, problem))
    return {"result": "corrupt" if problems or not paths else "consistent", "streams": streams, "problems": problems}


def serve():
    for line in sys.stdin:
        try:
            events = check_record(base64.b64decode(line))
            print("ok %d %s" % (len(events), events[-1]["hash"]), flush=True)
        except Corrupt as problem:
            print("bad " + str(problem).replace("\n", " ").encode("ascii", "replace").decode(), flush=True)


def main(args):
    as_json = "--json" in args
    args = [arg for arg in args if arg != "--json"]
    keys, notes, rest = {}, [], []
    while args:
        arg = args.pop(0)
        if arg == "--key" and args:
            name, _, text = args.pop(0).partition("=")
            keys[name] = bytes.fromhex(text)
        elif arg == "--note" and args:
            with open(args.pop(0), encoding="utf-8") as file:
                notes.append(file.read())
        else:
            rest.append(arg)
    if rest == ["stream"]:
        serve()
        return 0
    if len(rest) < 2 or rest[0] not in ("record", "workspace", "objects", "fork") or (rest[0] == "fork" and len(rest) != 3):
        print(__doc__, file=sys.stderr)
        return 2
    answer = {"record": lambda: check_files(rest[1:]), "workspace": lambda: check_workspace(rest[1], keys, notes), "objects": lambda: check_objects(rest[1]), "fork": lambda: check_fork(*rest[1:])}[rest[0]]()
    print(json.dumps(answer, indent=None if as_json else 2, sort_keys=True))
    return {"corrupt": 4, "behind_anchor": 5, "unanchored": 5}.get(answer["result"], 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
