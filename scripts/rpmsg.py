# SPDX-License-Identifier: GPL-2.0
"""The rpmsg bus between a host and two instances, used by the kernel's own drivers."""

import contextlib
import re
import time

import console
import machine as mk
from tests import Failed, Group, expect, refused

SAMPLE = "rpmsg-client-sample"
# What the sample receives before it is content
COUNT = 100
# Of a peer, at the most
CHANNELS = 256
NO_DEVICE = "No such device or address"

group = Group()


def there(machine, n, line, seconds=60):
    """Run a line in the shell of an instance: its status, and what it said."""
    what = f"instance {n} did not finish `{line}`"
    end = "" if line.endswith("&") else ";"
    with console.Attached(machine, n) as attached:
        attached.shell()
        attached.type(f"echo begin=$((1)); {line}{end} echo status=$?")
        attached.see(rb"^begin=1\r?\n")
        text, match = machine.read_until(rb"^status=(\d+)\r?\n", seconds, what)
        attached.see(console.PROMPT)
    return int(match.group(1)), text.strip()


def run(machine, n, line, seconds=60):
    """The same in any kernel, for one that has to succeed: what it said."""
    if not n:
        return machine.command(line, seconds)
    status, text = there(machine, n, line, seconds)
    expect(not status, f"instance {n}: `{line}` gave status {status}: {text}")
    return text


def release(machine, creator, peer, name):
    """On one side, upon which it goes on the other."""
    run(machine, creator, f"mk_rpmsg release {peer} {name}")
    run(machine, creator, f"mk_rpmsg gone {peer} {name}")
    run(machine, peer, f"mk_rpmsg gone {creator} {name}")


@contextlib.contextmanager
def channel(machine, creator, peer, name, releaser=None):
    """A channel, as long as it is the context: its device on either side."""
    run(machine, creator, f"mk_rpmsg create {peer} {name}")
    name = name.split()[0]
    try:
        yield (run(machine, creator, f"mk_rpmsg path {peer} {name}"),
               run(machine, peer, f"mk_rpmsg path {creator} {name}"))
    except (Failed, mk.CommandError):
        with contextlib.suppress(Failed, mk.CommandError):
            run(machine, creator, f"mk_rpmsg release {peer} {name}")
        raise
    if releaser in (None, creator):
        release(machine, creator, peer, name)
    else:
        release(machine, peer, creator, name)


@contextlib.contextmanager
def unannounced_channel(machine, n, peer, src, dst):
    """One end of a channel that the peer is not told of."""
    run(machine, n, f"mk_rpmsg create {peer} rpmsg-raw {src} {dst}")
    try:
        yield
    finally:
        run(machine, n, f"mk_rpmsg path {peer} rpmsg-raw;"
            f" mk_rpmsg release {peer} rpmsg-raw {src}")


def dropped(machine, n, peer):
    return int(run(machine, n, f"cat /sys/devices/multikernel-rpmsg.{peer}/dropped"))


@group.test("each kernel has a bus to each other one", vital=True)
def up(machine):
    machine.prepare()
    machine.boot()
    refused(machine, "mk_rpmsg create 1 anything", "no bus to instance 1")
    for n in (1, 2):
        machine.command(mk.spawn_command(n), 90)
    for n in range(3):
        # What it logs is not to come between what programs say
        run(machine, n, "dmesg -n 1")
        for peer in range(3):
            if n != peer:
                said = run(machine, n, f"mk_rpmsg path {peer} rpmsg_ctrl")
                expect(said.startswith("/dev/rpmsg_ctrl"), f"{n} -> {peer}: {said}")


@group.test("the sample of rpmsg says hello a hundred times, whichever side creates the channel")
def sample(machine):
    for n in range(3):
        run(machine, n, "insmod /lib/rpmsg_client_sample.ko")
    for creator, peer in ((0, 1), (2, 0), (1, 2)):
        run(machine, creator, f"mk_rpmsg create {peer} {SAMPLE}")
        for n, other in ((creator, peer), (peer, creator)):
            said = f"dmesg | grep -c 'multikernel-rpmsg.{other}.{SAMPLE}.*"
            run(machine, n, f"i=0; while [ $i -lt 200 ] && ! dmesg | grep -q 'rpmsg.{other}"
                f".{SAMPLE}.*goodbye!'; do sleep 0.1; i=$((i + 1)); done; [ $i -lt 200 ]")
            expect(run(machine, n, f"{said}incoming msg {COUNT} '") == "1",
                   f"{n} <- {other}: message {COUNT} did not come once")
        release(machine, creator, peer, SAMPLE)
    for n in range(3):
        expect(run(machine, n, f"dmesg | grep -c '{SAMPLE}.*is removed'") == "2",
               f"instance {n}: not each end of a channel has gone")
        run(machine, n, "rmmod rpmsg_client_sample")


@group.test("programs on both sides exchange messages of all sizes, whoever creates the channel")
def programs(machine):
    for creator, peer in ((0, 1), (1, 0)):
        # It can be released by either side
        with channel(machine, creator, peer, "rpmsg-raw", releaser=0) as (ours, theirs):
            run(machine, peer, f"mk_rpmsg echo {theirs} > /tmp/echo 2>&1 &")
            said = run(machine, creator, f"mk_rpmsg ask {ours} 400", 120)
            expect("400 answers" in said, said)
        said = run(machine, peer, "wait; cat /tmp/echo")
        expect("Broken pipe" in said, f"the echo ended with: {said}")


@group.test("a write that finds no room says so, and poll when there is some")
def polled(machine):
    with channel(machine, 0, 1, "rpmsg-raw") as (ours, theirs):
        run(machine, 1, f"mk_rpmsg sink {theirs} 400 > /tmp/sink 2>&1 &")
        said = machine.command(f"mk_rpmsg flood {ours} 400", 120)
        full = re.search(r"full (\d+) times", said)
        expect(full and int(full.group(1)) > 0, f"it was never full: {said}")
        said = run(machine, 1, "wait; cat /tmp/sink", 120)
        expect("400 messages" in said, said)


@group.test("a program has the other side pause, and go on")
def flow(machine):
    with channel(machine, 0, 1, "rpmsg-raw") as (ours, theirs):
        for word in ("pause", "resume"):
            for n, device, peer, other in ((0, ours, 1, theirs), (1, theirs, 0, ours)):
                run(machine, peer, f"(mk_rpmsg told {other} {word}; echo told-$?)"
                    " > /tmp/told 2>&1 & sleep 1")
                run(machine, n, f"mk_rpmsg flow {device} {word}")
                said = run(machine, peer, "wait; cat /tmp/told")
                expect("told-0" in said, f"{n} -> {peer}, {word}: {said}")


@group.test("addresses that both sides know need no announcement: endpoints of no channel")
def endpoints(machine):
    run(machine, 0, "mk_rpmsg endpoint 1 known 77 78")
    run(machine, 1, "mk_rpmsg endpoint 0 known 78 77")
    ours = run(machine, 0, "mk_rpmsg path 1 known")
    theirs = run(machine, 1, "mk_rpmsg path 0 known")
    before = dropped(machine, 1, 0)
    machine.command(f"echo nobody > {ours}")
    expect(dropped(machine, 1, 0) == before + 1, "what nobody listened to was not dropped")
    run(machine, 1, f"mk_rpmsg echo {theirs} > /tmp/echo 2>&1 &")
    said = machine.command(f"sleep 1; mk_rpmsg ask {ours} 20", 60)
    expect("20 answers" in said, said)
    run(machine, 1, "kill $!; wait")


@group.test("nor do channels that each side creates for itself")
def unannounced(machine):
    with unannounced_channel(machine, 0, 1, 90, 91), unannounced_channel(machine, 1, 0, 91, 90):
        for n, src in ((0, 90), (1, 91)):
            said = run(machine, n, f"cd /sys/bus/rpmsg/devices/*rpmsg-raw.{src}.{181 - src};"
                       " cat src dst announce; cd /")
            expect(said.split() == [hex(src), hex(181 - src), "false"], f"instance {n}: {said}")
        ours = run(machine, 0, "mk_rpmsg path 1 rpmsg-raw")
        theirs = run(machine, 1, "mk_rpmsg path 0 rpmsg-raw")
        run(machine, 1, f"mk_rpmsg echo {theirs} > /tmp/echo 2>&1 &")
        said = machine.command(f"sleep 1; mk_rpmsg ask {ours} 20", 60)
        expect("20 answers" in said, said)


# rpmsg_tty sends a message for each piece of a line, and throws away what finds no room
@group.test("what is written to a terminal of rpmsg comes out at the other, both ways")
def terminal(machine):
    with channel(machine, 0, 1, "rpmsg-tty", releaser=1) as (ours, theirs):
        for n, device, peer, other in ((0, ours, 1, theirs), (1, theirs, 0, ours)):
            word = f"typed-at-{n}"
            run(machine, peer, f"cat {other} > /tmp/tty & cat=$!; sleep 1")
            run(machine, n, f"echo {word} > {device}; seq 500 > {device}")
            run(machine, peer, "i=0; while [ $i -lt 100 ] && ! grep -q ^500 /tmp/tty; do"
                f" sleep 0.1; i=$((i + 1)); done; kill $cat; grep -q {word} /tmp/tty &&"
                " [ $(grep -c '^[0-9]' /tmp/tty) = 500 ]")


@group.test("what is no name or address, or taken, is refused")
def refusals(machine):
    for name in ("''", "a/b", "'a b'", "\"$(printf 'a\\001')\"", "\"$(printf 'a\\377')\""):
        refused(machine, f"mk_rpmsg create 1 {name}", NO_DEVICE)
    for addresses in ("0x7fffffff", "0xfffffffe", "any 0x7fffffff"):
        refused(machine, f"mk_rpmsg create 1 rpmsg-raw {addresses}", NO_DEVICE)
    refused(machine, "mk_rpmsg create 3 rpmsg-raw", "no bus to instance 3")
    for line in ("mk_rpmsg", "mk_rpmsg create 1", "mk_rpmsg create x y", "mk_rpmsg create 64 y",
                 "mk_rpmsg create 1 y -1", "mk_rpmsg ask /dev/null", "mk_rpmsg flow /dev/null x"):
        status, text = machine.try_command(line)
        expect(status == 2, f"`{line}` gave status {status}: {text}")
    with channel(machine, 0, 1, "rpmsg-raw 55"):
        refused(machine, "mk_rpmsg create 1 rpmsg-raw", NO_DEVICE)
        refused(machine, "mk_rpmsg create 1 another 55", NO_DEVICE)
        refused(machine, "mk_rpmsg release 1 another", "Invalid argument")
        refused(machine, "mk_rpmsg release 1 rpmsg-raw 56", "Invalid argument")


@group.test(f"a peer has no more than {CHANNELS} channels, and room for others when these go")
def bound(machine):
    made = machine.command(f"i=0; while [ $i -le {CHANNELS} ] && mk_rpmsg create 1 name-$i"
                           " 2> /dev/null; do i=$((i + 1)); done; echo $i", 300)
    status, text = there(machine, 1, "mk_rpmsg create 0 one-more")
    machine.command(f"for i in $(seq 0 $(({made} - 1))); do mk_rpmsg release 1 name-$i; done", 300)
    expect(int(made) == CHANNELS, f"{made} channels were made")
    expect(status == 1, f"the peer could create one more: {text}")
    run(machine, 1, f"mk_rpmsg gone 0 name-{CHANNELS - 1}")
    with channel(machine, 1, 0, "rpmsg-raw") as (ours, _):
        expect(ours.startswith("/dev/rpmsg"), ours)


@group.test("when a peer dies its channels go, and who waits is told")
def dies(machine):
    machine.command("mk_rpmsg create 1 rpmsg-raw && mk_rpmsg create 1 rpmsg-tty &&"
                    " mk_rpmsg create 2 rpmsg-raw")
    run(machine, 1, "mk_rpmsg create 0 rpmsg_chrdev")
    ours = machine.command("mk_rpmsg path 1 rpmsg-raw")
    theirs = run(machine, 1, "mk_rpmsg path 0 rpmsg-raw")
    machine.command("mk_rpmsg path 1 rpmsg_chrdev; mk_rpmsg create 1 rpmsg-raw 90 91")
    run(machine, 1, f"mk_rpmsg echo {theirs} > /tmp/echo 2>&1 &")
    machine.command(f"mk_rpmsg ask {ours} 1000000 > /tmp/ask 2>&1 & ask=$!; sleep 2;"
                    " kill -0 $ask && ! grep . /tmp/ask")
    control = machine.command("mk_rpmsg path 1 rpmsg_ctrl")
    machine.command("mk stop 1")
    for name in ("rpmsg-raw", "rpmsg-tty", "rpmsg_chrdev"):
        machine.command(f"mk_rpmsg gone 1 {name}")
    machine.command(f"while [ -e {control} ]; do sleep 0.1; done", 10)
    _, text = machine.try_command("wait $ask; cat /tmp/ask")
    expect(re.search("(read|write): ", text), f"who waited was told: {text}")
    machine.command("mk_rpmsg path 2 rpmsg_ctrl; mk_rpmsg path 2 rpmsg-raw")
    refused(machine, "mk_rpmsg create 1 rpmsg-raw", "no bus to instance 1")


@group.test("and they come back with it")
def returns(machine):
    machine.command(mk.spawn_command(1), 90)
    run(machine, 1, "dmesg -n 1")
    for name in ("rpmsg-raw", "rpmsg-tty"):
        machine.command(f"mk_rpmsg path 1 {name}")
        run(machine, 1, f"mk_rpmsg path 0 {name}")
    said = machine.command("ls /sys/bus/rpmsg/devices")
    expect("rpmsg.1.rpmsg-raw.90.91" in said, f"what was not announced is not there: {said}")
    expect("rpmsg_chrdev" not in said, f"what the peer has created came back: {said}")
    machine.command("mk_rpmsg release 1 rpmsg-raw 90")
    ours = machine.command("mk_rpmsg path 1 rpmsg-raw")
    theirs = run(machine, 1, "mk_rpmsg path 0 rpmsg-raw")
    run(machine, 1, f"mk_rpmsg echo {theirs} > /tmp/echo 2>&1 &")
    said = machine.command(f"mk_rpmsg ask {ours} 100", 120)
    expect("100 answers" in said, said)
    run(machine, 1, "cat $(mk_rpmsg path 0 rpmsg-tty) > /tmp/tty & sleep 1")
    machine.command("echo again > $(mk_rpmsg path 1 rpmsg-tty)")
    run(machine, 1, "sleep 1; grep -q again /tmp/tty")


@group.test("again, twice, of a peer that dies by itself or is stopped")
def deaths(machine):
    for end in ("mk_end=panic mk_after=1", ""):
        machine.command("mk stop 1")
        machine.command(mk.spawn_command(1, end), 90)
        if end:
            machine.command("mk wait 1 --state parked --timeout 30")
    machine.command("mk stop 1")
    machine.command("mk_rpmsg gone 1 rpmsg-raw")
    machine.command(mk.spawn_command(1), 90)
    ours = machine.command("mk_rpmsg path 1 rpmsg-raw")
    theirs = run(machine, 1, "mk_rpmsg path 0 rpmsg-raw")
    run(machine, 1, f"mk_rpmsg echo {theirs} > /tmp/echo 2>&1 &")
    said = machine.command(f"mk_rpmsg ask {ours} 100", 120)
    expect("100 answers" in said, said)


@group.test("the host has nothing to complain of, and powers off")
def ends(machine):
    machine.command("mk stop 1; mk stop 2")
    machine.command("mk_rpmsg gone 2 rpmsg-raw")
    time.sleep(1)
    said = machine.command("dmesg | grep -E 'BUG|WARNING|Oops|Call Trace|kobject' || true")
    expect(not said, said)
    expect(machine.power_off() == 0, "QEMU did not end well")
