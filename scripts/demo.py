# SPDX-License-Identifier: GPL-2.0
"""make demo, as somebody at a terminal sees it."""

import os
import re
import subprocess

import machine as mk
from terminal import Terminal
from tests import OUT, Group, Skipped, expect

ROWS, COLUMNS = 24, 80
PROMPT = rb"^/ # (\x1b\[6n)?"
FOLDER = os.path.join(OUT, "demo")
COMMAND = (os.path.join(mk.TOP, "scripts", "run"), "--demo", "--out", FOLDER,
           "--accel", os.environ.get("ACCEL") or "tcg")

group = Group()


def ask(terminal, line, seconds=30):
    """What it says to a line, which is to fit into one of the terminal."""
    terminal.type(line + "\n")
    terminal.see(re.escape(line.encode()) + rb"\r*\n")
    return terminal.see(PROMPT, seconds)


@group.test("without a terminal the demonstration says what to do")
def nobody(_):
    done = subprocess.run(COMMAND, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False, text=True)
    expect(done.returncode not in (0, 2), f"exit status {done.returncode}: {done.stdout}")
    for words in ("needs a terminal", "make run"):
        expect(words in done.stdout, f"it does not say `{words}`: {done.stdout}")


@group.test("the demonstration spawns two kernels, then says what to try", vital=True)
def screen(terminal):
    terminal.start(*COMMAND)
    for n in (1, 2):
        terminal.see(b"instance %d: up on CPU" % n, 120)
    # The screen is cleared for it
    terminal.see(rb"\x1b\[H\x1b\[J")
    said = terminal.see(PROMPT)
    for words in ("Three Linux kernels", "mk ls", "mk top", "mk console 1", "mk ping", "ping ",
                  "iperf3 -c one", "http://two", "trace-cmd", "mk stop 1", "exit"):
        expect(words in said, f"the first screen has no `{words}`: {said}")
    lines = said.splitlines()
    expect(len(lines) < ROWS and max(len(line) for line in lines) < COLUMNS,
           f"the first screen is too large: {said}")


@group.test("its mk ls shows two instances that are up")
def listed(terminal):
    said = ask(terminal, "mk ls")
    up = re.findall(r"^ +(\d)\*? +up ", said, re.MULTILINE)
    expect(up == ["0", "1", "2"], said)


@group.test("what it says to try with messages works")
def messages(terminal):
    said = ask(terminal, "mk ping --all --count 100; echo status=$?")
    expect("status=0" in said, said)
    ask(terminal, "trace-cmd record -e multikernel mk ping --to 1 --count 5 2> /tmp/why")
    said = ask(terminal, "trace-cmd report | grep -c mk_send")
    expect(int(said.split()[-1]) >= 5, said)


@group.test("the kernels have names")
def names(terminal):
    for n, name in ((1, "host"), (2, "one"), (3, "two"), (16, "fifteen")):
        said = ask(terminal, f"ping -c 1 -W 1 {name} 2>&1")
        expect(f"PING {name} (10.77.0.{n})" in said, said)


@group.test("an instance serves a page, and iperf3")
def serves(terminal):
    terminal.type("mk console 1\n")
    terminal.see(rb"Ctrl-\] detaches\]\r+\n")
    terminal.type("\r")
    terminal.see(PROMPT)
    page = ask(terminal, "wget -qO - http://localhost 2>&1")
    speed = ask(terminal, "iperf3 -c localhost -t 1 2>&1")
    terminal.type("\x1d")
    terminal.see(rb"\[mk: detached\]\r+\n")
    terminal.see(PROMPT)
    expect("This is one: instance 1, Linux " in page, page)
    expect("iperf Done" in speed, speed)


@group.test("a page and iperf3 cross from one kernel to another")
def crosses(terminal):
    said = ask(terminal, "ls /sys/class/net")
    if "mk2" not in said.split():
        raise Skipped("needs network devices between kernels")
    said = ask(terminal, "wget -qO - http://two")
    expect("This is two: instance 2, Linux " in said, said)
    said = ask(terminal, "iperf3 -c one -t 1", 60)
    expect("iperf Done" in said, said)


@group.test("an instance is stopped and spawned again, and one more")
def again(terminal):
    for line, n in (("mk stop 1; spawn 1", 1), ("spawn 3", 3)):
        said = ask(terminal, line, 120)
        expect(f"instance {n}: up on CPU" in said, said)


@group.test("who leaves the shell of the demonstration ends it, with status 0")
def leaves(terminal):
    terminal.type("exit\n")
    status = terminal.end(60)
    expect(status == 0, f"exit status {status}")


def run(results):
    with Terminal(os.path.join(FOLDER, "terminal.log"), ROWS, COLUMNS) as terminal:
        group.run(results, terminal)
