# SPDX-License-Identifier: GPL-2.0
"""An instance that does nothing but ring the host, and what is left of the host's time.

A job keeps the host's CPU 0 busy, at which most doorbells arrive. Its work is counted
against the time that QEMU's thread for this CPU has had, since CPUs that ring, or are
busy otherwise, may be more than the real ones: so only what the interrupts take shows.
"""

import json
import time

import machine as mk
from tests import Controls, Group, expect, on_machine, refused, statistics, ticks

SECONDS = 5
TOGETHER = 200
# How many thousand turns of a loop it did in so many seconds of /proc/uptime
SPIN = ("n=0; read now rest < /proc/uptime; end=$((${now%.*} + $1 + 1));"
        " while :; do read now rest < /proc/uptime; [ ${now%.*} -lt $end ] || break;"
        " i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; n=$((n + 1)); done; echo $n")

group = Group()
controls = Controls()
kept = {}


def phase(machine, name):
    """Have instance 1 go on to what it does next, which must be this."""
    said = machine.said(1).count(f"mk: storm: {name}")
    # Its answer may be late if it is the host that is kept busy
    machine.command("mk ping --to 1 --count 1 --timeout 30000 > /dev/null")
    limit = time.monotonic() + 30
    while machine.said(1).count(f"mk: storm: {name}") == said:
        expect(time.monotonic() < limit, f"instance 1 does not say that it {name}")
        time.sleep(0.1)


def doors(machine):
    """The sums over all doors of the host."""
    rows = statistics(machine)["door"]
    return {key: sum(row[key] for row in rows) for key in ("doorbells", "storms", "slow")}


def interrupts(machine):
    return mk.row_count(machine.command("grep MKI: /proc/interrupts"))


def job(machine):
    """Work for a second of CPU 0's time; and doorbells that were taken meanwhile, for one."""
    before, bells, began = machine.cpu_seconds(0), interrupts(machine), time.monotonic()
    turns = int(machine.command(f"taskset 1 sh /tmp/spin {SECONDS}", 120))
    took, wall = machine.cpu_seconds(0) - before, time.monotonic() - began
    return turns / took, (interrupts(machine) - bells) / wall, turns / wall


def together(machine):
    """The host and instance 2 exchange messages, both ways."""
    for options in ("--to 2", "--from 2 --to 0", "--to 2 --window 16"):
        text = machine.command(f"mk ping --json --count {TOGETHER} --timeout 30000 {options}", 180)
        row = json.loads(text)
        expect(row["round_trips"] == TOGETHER, f"{row}")
        for field in ("error", "lost", "reordered", "damaged"):
            expect(row[field] == 0, f"{row}")


def noticed(machine, before):
    """A storm must have been counted, and said."""
    expect(doors(machine)["storms"] > before["storms"], f"no storm: {doors(machine)}")
    said = machine.command("dmesg | grep -c 'a storm of doorbells' || true")
    expect(int(said) > 0, "the log of the host has no storm")


def over(machine, seconds=20):
    """No door of the host may stay slow, nor may there be more storms."""
    limit = time.monotonic() + seconds
    calm, before = 0, doors(machine)
    while calm < 5:
        expect(time.monotonic() < limit, f"the storm is not over: {doors(machine)}")
        time.sleep(0.2)
        now = doors(machine)
        calm = calm + 1 if not now["slow"] and now["storms"] == before["storms"] else 0
        before = now
    said = machine.command("dmesg | grep -c 'the storm is over' || true")
    expect(int(said) > 0, "the log of the host does not say that the storm is over")


@group.test("a host and two instances, one of which is to ring", vital=True)
def up(machine):
    machine.prepare()
    machine.boot()
    machine.command(f"echo '{SPIN}' > /tmp/spin")
    machine.command(mk.spawn_command(2), 90)


@group.test("a storm at who is not there is refused")
def nobody(machine):
    machine.command("mount -t debugfs debugfs /sys/kernel/debug")
    switch = "/sys/kernel/debug/multikernel/storm"
    refused(machine, f"sh -c 'echo 60 > {switch}'", "No such file or directory")
    said = machine.command(f"cat {switch}")
    expect(said == "-1", f"who is rung without pause: {said}")


def storm(cpus):
    def run(machine):
        machine.command("mk stop 1 2> /dev/null; true")
        machine.command("echo 0 > /sys/devices/system/cpu/cpu2/online 2> /dev/null; true")
        machine.command(mk.spawn_command(1, "mk_try=storm", cpus), 90)
        rests, _, _ = job(machine)
        phase(machine, "busy")
        busy, _, busy_wall = job(machine)
        before = doors(machine)
        phase(machine, "rings")
        rung, bells, rung_wall = job(machine)
        noticed(machine, before)
        together(machine)
        phase(machine, "rests")
        over(machine)
        after, _, _ = job(machine)
        kept[len(cpus)] = rung / busy, bells
        print(f"# {len(cpus)} CPUs ring: {bells:.0f} doorbells a second, the job keeps"
              f" {100 * rung / busy:.0f} % (by the clock {100 * rung_wall / busy_wall:.0f} %),"
              f" afterwards {100 * after / rests:.0f} %", flush=True)
        # Half of it is a generous way to say that it is as before
        expect(after > rests / 2, f"the job does {after:.0f} after it and {rests:.0f} before")
        together(machine)
        ticks(machine, 1, 2)
    return run


group.test("a storm from one CPU, in which others exchange messages, is over with its cause")(
    storm((2,)))
group.test("so is one from two CPUs")(storm((2, 3)))


@group.test("a storm that is not noticed, or does not end, is")
def defects(machine):
    machine.command("echo 0 > /sys/module/multikernel/parameters/storm")
    phase(machine, "busy")
    before = doors(machine)
    phase(machine, "rings")
    time.sleep(1)
    controls.catch("that no storm was noticed", noticed, machine, before)
    machine.command("echo 256 > /sys/module/multikernel/parameters/storm")
    time.sleep(1)
    controls.catch("a storm without end", over, machine, 5)
    phase(machine, "rests")
    over(machine)


def run(results):
    failed = results.failed
    on_machine(group, "storm", results, 2, 400)
    figures = ", ".join(f"{100 * share:.0f} % at {bells:.0f}/s from {n} CPU{'s' * (n > 1)}"
                        for n, (share, bells) in sorted(kept.items()))
    results.row("storm", f"a job keeps of its speed {figures}" if kept else "",
                "nothing" if results.failed == failed else "see above", str(controls))
