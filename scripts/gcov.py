# SPDX-License-Identifier: GPL-2.0
"""gcov's counters, out of the memory of kernels that run in QEMU, and what gcov makes of them.

A machine's RAM is a file. So the counters of all its kernels can be read at any time, be
they hosts or guests, alive, parked or in a panic, and need no help of any of them.
The structures are those of the kernel's kernel/gcov/gcc_4_7.c, for gcc 12 and later.
"""

import collections
import json
import mmap
import os
import re
import shutil
import struct
import subprocess

import machine as mk

# Where a kernel that nobody has moved has its _text
HOST_BASE = 16 << 20
# Guests are loaded at a multiple of this, with room for other things in front
GUEST_ALIGN = 2 << 20
GUEST_TRIES = 16

DATA_MAGIC = 0x67636461
TAG_FUNCTION = 0x01000000
TAG_COUNTER = 0x01a10000

# The counters of an object file: version and stamp of it, and of each function its three
# numbers and its values, by the kind of counter
Object = collections.namedtuple("Object", "version stamp functions")


class GcovError(Exception):
    """The counters make no sense."""


class Image:
    """A kernel that was built: where it has what."""

    def __init__(self, build):
        self.build = build
        symbols = subprocess.run(["nm", os.path.join(build, "vmlinux")], check=True,
                                 capture_output=True, text=True).stdout
        self.symbols = {name: int(address, 16) for address, name in
                        re.findall(r"^(\w+) \w (_text|linux_banner|gcov_info_head)$", symbols,
                                   re.MULTILINE)}
        with open(os.path.join(build, ".config")) as config:
            version = int(re.search(r"^CONFIG_GCC_VERSION=(\d+)", config.read(),
                                    re.MULTILINE).group(1))
        if version < 120000 or "gcov_info_head" not in self.symbols:
            raise GcovError(f"{mk.shown(build)} is not built with CONFIG_GCOV_KERNEL by gcc 12"
                            " or later")
        self.kinds = 8 if version < 140000 else 9 if version < 150000 else 10


class Memory:
    """The RAM of a machine, and the kernels in it. Nothing of it is written."""

    def __init__(self, path, image):
        self.image = image
        with open(path, "rb") as file:
            self.ram = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        banner = HOST_BASE + image.symbols["linux_banner"] - image.symbols["_text"]
        self.banner = self.ram[banner:banner + 256].partition(b"\0")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ram.close()

    def is_base(self, base):
        """Whether a kernel of the image has its _text there."""
        banner = base + self.image.symbols["linux_banner"] - self.image.symbols["_text"]
        return (self.banner.startswith(b"Linux version") and
                self.ram[banner:banner + len(self.banner)] == self.banner)

    def guest_base(self, ram):
        """Where the guest that was granted this RAM has its _text, or None."""
        for n in range(1, GUEST_TRIES + 1):
            if self.is_base(ram + n * GUEST_ALIGN):
                return ram + n * GUEST_ALIGN
        return None

    def read(self, base, form, address):
        offset = base + address - self.image.symbols["_text"]
        if not base <= offset < len(self.ram):
            raise GcovError(f"a pointer to {address:#x}")
        return struct.unpack_from(f"<{form}", self.ram, offset)

    def function(self, base, address, active):
        numbers = self.read(base, "III", address + 8)
        values = []
        for n in range(len(active)):
            count, where = self.read(base, "I4xQ", address + 24 + 16 * n)
            values.append(self.read(base, f"{count}q", where))
        return numbers, values

    def objects(self, base):
        """All counters of the kernel whose _text is there, by the name of its data file."""
        found = {}
        info, = self.read(base, "Q", self.image.symbols["gcov_info_head"])
        while info:
            version, following, stamp, _, name = self.read(base, "I4xQIIQ", info)
            merge = self.read(base, f"{self.image.kinds}Q", info + 32)
            active = [kind for kind, function in enumerate(merge) if function]
            count, functions = self.read(base, "I4xQ", info + 32 + 8 * self.image.kinds)
            offset = base + name - self.image.symbols["_text"]
            name = self.ram[offset:self.ram.find(b"\0", offset)].decode()
            found[name] = Object(version, stamp, [
                self.function(base, function, active) + (active,)
                for function in self.read(base, f"{count}Q", functions)])
            info = following
        if not found:
            raise GcovError("a kernel that has no counters")
        return found


def values(objects):
    for name in sorted(objects):
        for _, kinds, _ in objects[name].functions:
            for kind in kinds:
                yield from kind


def grown(new, old):
    """Whether it can be the same life of a kernel, later: counters never shrink."""
    return all(now >= was for now, was in zip(values(new), values(old)))


def add(one, other):
    """The sum of the counters of two kernels."""
    return {name: Object(theirs.version, theirs.stamp, [
        (numbers, [[a + b for a, b in zip(x, y)] for x, y in zip(kinds, more[1])], active)
        for (numbers, kinds, active), more in zip(theirs.functions, other[name].functions)])
        for name, theirs in one.items()}


class Lives:
    """The counters of all kernels that have run, each life of a kernel once."""

    def __init__(self):
        self.sum = None
        self.count = 0
        self.open = {}

    def see(self, base, objects):
        """A kernel as it is now: the one that was seen there before, or a new one."""
        if base in self.open and not grown(objects, self.open[base]):
            self.close(base)
        self.open[base] = objects

    def close(self, base):
        self.add(self.open.pop(base), 1)

    def all(self):
        """With those whose end was not seen."""
        for base in list(self.open):
            self.close(base)
        return self

    def add(self, objects, count):
        self.sum = add(self.sum, objects) if self.sum else objects
        self.count += count

    def add_all(self, lives):
        if lives.sum:
            self.add(lives.sum, lives.count)


def write_data(path, data):
    """A file as gcov reads it."""
    with open(path, "wb") as file:
        file.write(struct.pack("<4I", DATA_MAGIC, data.version, data.stamp, 0))
        for numbers, kinds, active in data.functions:
            file.write(struct.pack("<5I", TAG_FUNCTION, 12, *numbers))
            for kind, counters in zip(active, kinds):
                file.write(struct.pack(f"<2I{len(counters)}q", TAG_COUNTER + (kind << 17),
                                       8 * len(counters), *counters))


# A line that decides something. Other branches are those of macros that it uses, such as
# __pa() or scoped_guard(), and of what the compiler has made inline.
DECIDES = re.compile(r"\b(if|for|while|switch)\b|for_each|\?|&&|\|\|")
GOES_ON = re.compile(r"(&&|\|\||\?|:)\s*$")


class Line:
    """A line of code: how often it was run, and how often each branch was taken."""

    def __init__(self, function):
        self.function = function
        self.count = 0
        self.branches = []

    def add(self, count, branches):
        self.count += count
        # Of code that there is twice, as in a macro, the branches are others
        self.branches += branches

    def missed(self):
        return sum(not taken for taken in self.branches)

    def covered(self):
        return self.count > 0 and not self.missed()


def run_gcov(name, data, work):
    """What gcov says of an object file: parsed JSON."""
    path = os.path.join(work, os.path.basename(name))
    write_data(path, data)
    notes = name.removesuffix(".gcda") + ".gcno"
    shutil.copy(notes, work)
    said = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", path],
                          capture_output=True, text=True)
    if said.returncode or not said.stdout or "mismatch" in said.stderr:
        raise GcovError(f"gcov of {name}: {said.stderr.strip()}")
    return json.loads(said.stdout)


def function_at(source, number):
    """The function that a line is in. What was inlined everywhere has no name of its own."""
    for function in source["functions"]:
        if function["start_line"] <= number <= function["end_line"]:
            return function["name"]
    return ""


def coverage(lives, image, folders, work):
    """The lines of our .c files in the folders, by the file's name in the repository."""
    files = {}
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    for name, data in lives.sum.items():
        for source in run_gcov(name, data, work)["files"]:
            path = os.path.realpath(os.path.join(image.build, source["file"]))
            path = os.path.relpath(path, mk.TOP)
            if not path.endswith(".c") or os.path.dirname(path) not in folders:
                continue
            with open(os.path.join(mk.TOP, path)) as file:
                text = [""] + file.read().splitlines()
            lines = files.setdefault(path, {})
            for line in source["lines"]:
                number = line["line_number"]
                if not re.search(r"\w", text[number]):
                    continue
                known = lines.setdefault(number, Line(function_at(source, number)))
                decides = DECIDES.search(text[number]) or GOES_ON.search(text[number - 1])
                known.add(line["count"], [branch["count"] for branch in line["branches"]
                                          if decides])
    return files


def write_trace(path, files):
    """The same as gcovr reads it, to make HTML of it."""
    trace = {"gcovr/format_version": "0.3", "files": [
        {"file": name, "functions": [], "lines": [
            {"line_number": number, "count": line.count, "gcovr/noncode": False,
             "gcovr/excluded": False,
             "branches": [{"count": taken, "fallthrough": False, "throw": False}
                          for taken in line.branches]}
            for number, line in sorted(lines.items())]}
        for name, lines in sorted(files.items())]}
    with open(path, "w") as file:
        json.dump(trace, file)
