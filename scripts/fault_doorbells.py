# SPDX-License-Identifier: GPL-2.0
"""Doorbells of all kernels that are lost, doubled, delayed and invented, on x86."""

import json

import machine as mk
from background import whole
from tests import Controls, Group, expect, on_machine, ticks

KINDS = ("lost", "doubled", "delayed", "invented")
PERCENT = 20
BEAT_MS = 20
# interval,probability,space,times
ODDS = " ".join(f"fail_mk_{kind}=1,{PERCENT},0,-1" for kind in KINDS)
OPTIONS = f"{ODDS} multikernel.beat_ms={BEAT_MS}"
DEBUG = "/sys/kernel/debug"

group = Group()
controls = Controls()
done = {"messages": 0, "faults": 0}


def all_pairs(machine, command):
    text = machine.command(f"mk {command} --json --all --timeout 30000", 180)
    rows = [json.loads(line) for line in text.splitlines()]
    expect(len(rows) == 6, f"{len(rows)} pairs and not 6: {text}")
    done["messages"] += sum(whole(row) for row in rows)


def happened(machine):
    """How often each fault has, in the host."""
    return {kind: int(machine.command(f"cat {DEBUG}/fail_mk_{kind}/happened")) for kind in KINDS}


@group.test("a host and two instances whose doorbells go wrong", vital=True)
def up(machine):
    machine.prepare()
    machine.boot()
    machine.command(f"mount -t debugfs debugfs {DEBUG}")
    for n in (1, 2):
        machine.command(mk.spawn_command(n, OPTIONS), 90)


@group.test("they exchange messages, one by one and many at once")
def exchanges(machine):
    for window in (1, 16):
        all_pairs(machine, f"ping --count 200 --window {window}")


@group.test("streams by both lanes are complete and in order")
def streams(machine):
    for lane in ("bulk", "urgent"):
        all_pairs(machine, f"stream --count 3000 --lane {lane}")
        all_pairs(machine, f"stream --count 1000 --cpus all --lane {lane}")
        all_pairs(machine, f"stream --count 100 --size 4096 --lane {lane}")


@group.test("each fault has happened, many times")
def faults(machine):
    counts = happened(machine)
    expect(min(counts.values()) >= 20, f"{counts}")
    done["faults"] = sum(counts.values())
    ticks(machine, 1, 2)


def answered(machine):
    machine.command("mk ping --to 2 --count 20 --timeout 3000")


@group.test("without beats, doorbells that are all lost are missed")
def control(machine):
    machine.command(f"echo 0 > {DEBUG}/fail_mk_lost/probability")
    machine.command("mk stop 2")
    machine.command(mk.spawn_command(2, "multikernel.beat_ms=60000"), 90)
    answered(machine)
    machine.command(f"echo 100 > {DEBUG}/fail_mk_lost/probability")
    controls.catch("that no doorbell arrives", answered, machine)


def run(results):
    failed = results.failed
    on_machine(group, "doorbells", results, 2, 400, append=OPTIONS)
    results.row("faulty doorbells (x86)",
                f"{done['messages']} messages, {done['faults']} faults in the host",
                "nothing" if results.failed == failed else "see above", str(controls))
