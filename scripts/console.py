# SPDX-License-Identifier: GPL-2.0
"""Consoles of instances: what they have said, and a person at one of them."""

import json
import re
import time

import machine as mk
from tests import Group, exchange, expect, instance, refused, ticks

PROMPT = rb"/ # "
FLOOD = 1 << 18
LINES = 3000
# Panics while drivers are initialised, before the instance is up
EARLY = "lkdtm.cpoint_name=DIRECT lkdtm.cpoint_type=PANIC"

group = Group()


def history(machine, n):
    return machine.command(f"mk console {n} --history").replace("\r", "")


def position(machine, n):
    """How much it has ever said."""
    return json.loads(machine.command(f"mk console {n} --history --json --from {1 << 60}"))["to"]


def write(machine, keys):
    machine.process.stdin.write(keys)
    machine.process.stdin.flush()


class Attached:
    """A person at the console of an instance, by way of the host's serial line."""

    def __init__(self, machine, n):
        self.machine = machine
        self.line = f"mk console {n}"

    def __enter__(self):
        self.machine.write_line(self.line)
        self.machine.busy = True
        self.before = self.see(rb"\[mk: console of instance \d+, Ctrl-\] detaches\]\r\n")
        return self

    def __exit__(self, why, *_):
        write(self.machine, b"\x1d")
        status, text = self.machine.finish(self.line, 30)
        if not why:
            expect(status == 0 and "[mk: detached]" in text, f"status {status}: {text}")

    def see(self, pattern, seconds=30):
        """What comes before this does."""
        what = f"{self.line}: no {pattern.decode()}"
        text, _ = self.machine.read_until(pattern, seconds, what)
        return text

    def type(self, line):
        write(self.machine, line.encode() + b"\r")

    def shell(self):
        self.type("")
        self.see(PROMPT)

    def ask(self, line, pattern):
        self.type(line)
        self.see(pattern)
        self.see(PROMPT)

    def leave(self):
        """The shell, whose end shows where the instance is alive again."""
        self.type("exit")
        self.see(rb"^mk: alive ")


@group.test("a host and two instances come up, to be talked to", vital=True)
def up(machine):
    machine.prepare()
    machine.boot()
    refused(machine, "mk console 1", "instance 1 was not spawned")
    for n in (1, 2):
        machine.command(mk.spawn_command(n), 90)


@group.test("the first messages of a boot are in the history, and all that follow")
def early(machine):
    for n in (1, 2):
        ticks(machine, n)
        said = history(machine, n)
        lines = said.splitlines()
        expect(lines[0] == f"--- instance {n}, incarnation 1 ---", f"it begins with {lines[0]}")
        # That of arm64 says before what CPU it is on
        expect(re.match(r"\[ +0\.0+\] (Linux version|Booting Linux on) ", lines[1]),
               f"then comes {lines[1]}")
        at = [said.find(words) for words in (f"spawned as instance {n}", "Run /init",
                                             "mk: alive 0 ", "mk: alive 1 ")]
        expect(-1 not in at and at == sorted(at), f"not there, or not in order: {at}")
        expect("characters lost" not in said, "some of it was lost")


@group.test("who attaches sees what came before, gets a shell, and detaches", vital=True)
def attach(machine):
    with Attached(machine, 1) as console:
        expect("Linux version" in console.before, "the history is not shown")
        console.see(rb"^mk: alive ")
        console.shell()
        console.ask("echo answer=$((6 * 7))", rb"^answer=42\r\n")
        console.ask("tty", rb"^/dev/hvc0\r\n")
    expect(machine.command("echo here") == "here", "the host's shell is not as before")
    expect("answer=42" in history(machine, 1), "the answer is not in the history")


@group.test("Ctrl-C at a console ends what runs there, and not the one who typed it")
def interrupt(machine):
    with Attached(machine, 1) as console:
        console.type("sleep 1000; echo ended=$?")
        time.sleep(1)
        write(machine, b"\x03")
        console.see(PROMPT)
        console.ask("echo still=$((2 + 1))", rb"^still=3\r\n")


@group.test("several are attached at once, and each sees all of it")
def several(machine):
    for i in (1, 2):
        machine.command(f"sleep 1000 | mk console 1 > /tmp/reader-{i} 2>&1 &")
    with Attached(machine, 1) as console:
        console.ask("echo to-all=$((40 + 4))", rb"^to-all=44\r\n")
    for i in (1, 2):
        machine.command(f"grep -q to-all=44 /tmp/reader-{i}")
    machine.command("killall sleep; sleep 1; rm /tmp/reader-*")


@group.test("what is typed at one console is not seen at another")
def apart(machine):
    with Attached(machine, 2) as console:
        console.shell()
        console.ask("echo second=$((7 * 9))", rb"^second=63\r\n")
        console.leave()
    expect("second=63" in history(machine, 2), "it is not in the history of instance 2")
    expect("second=63" not in history(machine, 1), "it is in the history of instance 1")


@group.test(f"{FLOOD >> 10} KiB of output arrive, and hold up nobody")
def flood(machine):
    began = position(machine, 1)
    with Attached(machine, 1) as console:
        console.type(f"yes 0123456789abcde | head -c {FLOOD}; echo flood=$((1 + 1))")
    exchange(machine, "--all", 6)
    limit = time.monotonic() + 120 * machine.patience
    while not re.search("^flood=2$", history(machine, 1), re.MULTILINE):
        expect(time.monotonic() < limit, f"{position(machine, 1) - began} bytes have come")
        exchange(machine, "--to 1", 1)
        time.sleep(0.5)
    # Each of the lines ends with a carriage return, too
    came = position(machine, 1) - began
    expect(came >= FLOOD + FLOOD // 16, f"{came} bytes have come")
    ticks(machine, 2)


@group.test("what the kernel itself says in a hurry arrives, or is said to be lost")
def kernel_flood(machine):
    machine.command("sleep 1000 | mk console 1 > /tmp/all 2>&1 &")
    # The last word may come in the middle of a line that the kernel says
    with Attached(machine, 1) as console:
        console.ask("echo on > /proc/sys/kernel/printk_devkmsg; i=0;"
                    f" while [ $i -lt {LINES} ]; do echo said-$i > /dev/kmsg; i=$((i + 1)); done;"
                    " echo through=$((3 + 4))", rb"through=7\r\n")
    # Nor has the kernel said all by then: until no more comes
    said = machine.command("n=; while now=$(grep -ac 'said-[0-9]' /tmp/all);"
                           " [ \"$now\" != \"$n\" ]; do n=$now; sleep 2; done;"
                           " killall sleep; sleep 1; grep -ac 'said-[0-9]' /tmp/all;"
                           " grep -ac 'characters lost\\|not read in time' /tmp/all; rm /tmp/all")
    came, lost = (int(count) for count in said.split())
    expect(came >= LINES or lost, f"{came} of {LINES} lines came, and nothing was said to be lost")
    expect(came > LINES // 2, f"{came} of {LINES} lines came only")


@group.test("a shell that is left leaves the instance as it was")
def leave(machine):
    with Attached(machine, 1) as console:
        console.leave()
    ticks(machine, 1)


@group.test("the text of a panic is in the history, and stays there")
def panics(machine):
    machine.command("mk stop 2")
    machine.command(mk.spawn_command(2, "mk_end=panic"), 90)
    machine.command("mk wait 2 --state parked --timeout 30")
    limit = time.monotonic() + 10
    while "multikernel: parked" not in history(machine, 2):
        expect(time.monotonic() < limit, "it does not say that it is parked")
        time.sleep(0.2)
    said = history(machine, 2)
    at = [said.find(words) for words in ("second=63", "incarnation 2 ---", "Kernel panic - not",
                                         "Attempted to kill init", "parked")]
    expect(-1 not in at and at == sorted(at), f"not there, or not in order: {at}")
    machine.command("mk stop 2")
    expect("Attempted to kill init" in history(machine, 2), "it is gone after the stop")


@group.test("so is that of one which panics before it is up; it is shown as parked")
def panics_early(machine):
    status, text = machine.try_command(mk.spawn_command(2, EARLY), 90)
    expect(status == 1 and "instance 2 is parked (reason: panic)" in text, text)
    info = instance(machine, 2)
    expect(info["state"] == "parked" and info["reason"] == "panic", f"{info}")
    refused(machine, "mk ping --to 2", "not up")
    said = history(machine, 2)
    said = said[said.rfind("incarnation 3 ---"):]
    expect("Kernel panic - not syncing: dumptest" in said, said[-500:])
    text = machine.command("dmesg | grep 'multikernel: instance 2:' | tail -n 1")
    expect("incarnation 3 down: has left, panic" in text, f"the host says {text}")
    exchange(machine, "--to 1", 1)


@group.test("one that has gone takes no input, and says so no more than once")
def gone(machine):
    with Attached(machine, 2) as console:
        console.type("a")
        console.see(rb"\[mk: instance 2 takes no input now\]\r\n")
        console.type("b")


@group.test("who is attached stays so while an instance is stopped and spawned again")
def again(machine):
    machine.command("sleep 1000 | mk console 2 > /tmp/reader 2>&1 &")
    machine.command("mk stop 2")
    machine.command(mk.spawn_command(2), 90)
    ticks(machine, 2)
    with Attached(machine, 2) as console:
        console.shell()
        console.ask("echo again=$((4 * 4))", rb"^again=16\r\n")
        console.leave()
    machine.command("grep -q 'incarnation 4 ---' /tmp/reader && grep -q again=16 /tmp/reader;"
                    " found=$?; killall sleep; sleep 1; rm /tmp/reader; (exit $found)")


@group.test("a wrong call is told what to do")
def wrong(machine):
    refused(machine, "mk console 3", "instance 3 was not spawned")
    refused(machine, "mk console 99", "instance 99 was not spawned")
    for line in ("mk console", "mk console x", "mk console 1 2", "mk console 1 --json",
                 "mk console 1 --history --from x"):
        status, text = machine.try_command(line)
        expect(status == 2, f"`{line}` gave status {status}: {text}")


@group.test("what a console has said can be read again and again")
def reads_again(machine):
    first = history(machine, 2)
    expect(history(machine, 2).startswith(first), "the second time something else came")


@group.test("the host of the consoles powers off")
def ends(machine):
    expect(machine.power_off() == 0, "QEMU did not end well")
