# SPDX-License-Identifier: GPL-2.0
"""CPUs of the host, and of an instance, that go and come while messages are under way."""

import re
import time

import machine as mk
from background import Background, goes_on
from tests import Controls, Group, expect, on_machine, ticks

TIMES, GUEST_TIMES = 50, 30
OOPS = "BUG|WARNING|Oops|Call Trace"
CPU1 = "/sys/devices/system/cpu/cpu1/online"

# Where the host's doors are, with CPU 1 and without: those of lent CPUs are at CPU 0
BOTH, ALONE = [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]


def stream(options, count=1000):
    return f"mk stream --json --timeout 60000 --count {count} {options}"


def both_lanes(options):
    return f"for lane in bulk urgent; do {stream(f'--lane $lane {options}')}; done"


def ping(options):
    return f"mk ping --json --timeout 60000 --window 16 --count 1000 {options}"


# What goes on meanwhile. There is an order among the messages of one CPU only, so who
# sends is one that stays. What is asked to send has no time for bulk messages of the
# same CPU, and what is pinged must find room for its answers.
TO_HOST = (both_lanes("--from 1 --to 0 --cpus all"), stream("--from 2 --to 0"),
           f"taskset 1 {ping('--to 2')}")
TO_GUEST = (both_lanes("--to 1 --cpus all"), f"taskset 1 {stream('--from 2 --to 1')}",
            f"taskset 2 {ping('--from 2 --to 1')}")

group = Group()
controls = Controls()
done = {"host": 0, "guest": 0, "messages": 0}


def doors(machine):
    """By door of the host, the CPU that answers there."""
    text = machine.command("grep ^door /dev/multikernel")
    return [int(cpu) for cpu in re.findall(r"^door n=\d+ cpu=(\d+) ", text, re.MULTILINE)]


def interrupts(machine):
    """By CPU that is online, the doorbells that it has taken."""
    row = machine.command("grep MKI: /proc/interrupts")
    return [int(count) for count in re.findall(r" (\d+)(?= )", row + " ")]


def follow(machine, cpus):
    """The doors must be at these CPUs."""
    found = doors(machine)
    expect(found == cpus, f"doors at CPUs {found} and not {cpus}")


@group.test("a host and two instances, to take CPUs from", vital=True)
def up(machine):
    machine.prepare()
    machine.boot()
    for n in (1, 2):
        machine.command(mk.spawn_command(n), 90)
    follow(machine, BOTH)


@group.test(f"a CPU of the host goes and comes {TIMES} times in traffic")
def host_cpu(machine):
    with Background(machine, *TO_HOST) as traffic:
        for _ in range(TIMES):
            machine.command(f"echo 0 > {CPU1}")
            follow(machine, ALONE)
            before = interrupts(machine)
            goes_on(machine, 1, 2)
            after = interrupts(machine)
            expect(len(before) == len(after) == 1 and after > before,
                   f"CPU 1 has gone, MKI: {before}, then {after}")
            machine.command(f"echo 1 > {CPU1}")
            follow(machine, BOTH)
            done["host"] += 1
        done["messages"] += traffic.end()
    before = interrupts(machine)
    machine.command("taskset 2 mk stream --from 1 --to 0 --cpus all --count 1000")
    after = interrupts(machine)
    expect(len(after) == 2 and after[1] > before[1], f"CPU 1 is back, MKI: {before}, then {after}")


def flickers(machine):
    return len(re.findall("^mk: flicker ", machine.said(1), re.MULTILINE))


@group.test(f"a CPU of an instance goes and comes {GUEST_TIMES} times in traffic")
def guest_cpu(machine):
    machine.command("mk stop 1")
    machine.command(mk.spawn_command(1, "mk_try=flicker"), 90)
    with Background(machine, *TO_GUEST) as traffic:
        first = flickers(machine)
        limit = time.monotonic() + 90
        while flickers(machine) < first + GUEST_TIMES:
            expect(time.monotonic() < limit, f"{flickers(machine) - first} times in 90 s")
            time.sleep(0.2)
        done["guest"] = flickers(machine) - first
        done["messages"] += traffic.end()
    refused = re.findall(".*write error.*", machine.said(1))
    expect(not refused, f"{refused}")
    ticks(machine, 1, 2)


@group.test("a door that stays at a CPU which goes is noticed")
def stuck(machine):
    odds = "/sys/kernel/debug/fail_mk_stuck"
    machine.command("mount -t debugfs debugfs /sys/kernel/debug")
    machine.command(f"echo -1 > {odds}/times; echo 100 > {odds}/probability; echo 0 > {CPU1}")
    controls.catch("a door that stayed", follow, machine, ALONE)
    machine.command(f"echo 0 > {odds}/probability; echo 1 > {CPU1}")
    follow(machine, BOTH)


@group.test("neither they nor the host have met an oops or warning in this")
def oops(machine):
    for text in (machine.try_command("dmesg")[1], machine.said(1), machine.said(2)):
        said = re.findall(f".*(?:{OOPS}).*", text)
        expect(not said, "; ".join(said)[:300])


def run(results):
    failed = results.failed
    on_machine(group, "hotplug", results, 2, 600)
    results.row("CPU hotplug in traffic", f"{done['host']} times on the host, {done['guest']} in an"
                f" instance, {done['messages']} messages",
                "nothing" if results.failed == failed else "see above", str(controls))
