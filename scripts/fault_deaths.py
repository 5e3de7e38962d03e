# SPDX-License-Identifier: GPL-2.0
"""Kernels that die in mid-traffic: what faults does as its group deaths.

What looks for faults has to find those that are made for it: the controls.
"""

import os
import random
import re
import time

import machine as mk
from tests import Controls, Group, expect, on_machine, refused
from traffic import QUICK_BOOT, Traffic, Victim, flows, oops, step_all, stop_all

OUT = os.path.join(mk.BUILD, "verify")
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 1 << 31))


# Instances 1, with two CPUs, and 3 die in mid-traffic; 2 and the host go on all the time


deaths = Group()
DEATHS = int(os.environ.get("DEATHS") or 200)
# After so many, what is allocated once has been
FIRST_DEATHS = 12
VICTIMS = (1, 3)
BYSTANDER = 2
# KiB that the host may have less after the other deaths: they may leave less than a page each
MEMORY_SLACK = 512
DEFECTS = (("lose", "lost"), ("double", "doubled"), ("reorder", "reordered"),
           ("damage", "damaged"))


class Run:
    """What the tests of the group share."""

    controls = Controls()
    random = random.Random(SEED)
    traffic = None
    victims = None
    done = 0
    free = None
    pool = None     # MiB, of the memory for instances
    interrupts = None
    messages = 0


def spawn(machine, *instances):
    for n in instances:
        machine.command(mk.spawn_command(n, QUICK_BOOT), 90)


def spawn_large(machine, ram):
    """Whether so many MiB can be given to one."""
    status, _ = machine.try_command(f"mk spawn --offline --wait 0 --cpu {mk.LENT_CPUS[3][0]}"
                                    f" --ram {ram}M --instance 3 --initrd {mk.ARCHIVE} {mk.IMAGE}")
    return not status


def whole_pool(machine):
    expect(spawn_large(machine, Run.pool), f"there are no {Run.pool} MiB, as there were at first")


@deaths.test("the host and three instances, for mixed traffic", vital=True)
def deaths_up(machine):
    machine.prepare()
    machine.boot()
    Run.pool = next((ram for ram in range(512, 0, -2) if spawn_large(machine, ram)), None)
    expect(Run.pool, "no memory can be given to an instance")
    machine.command("mk stop 3")
    spawn(machine, 1, 2, 3)


def mixed(machine, seconds, options=""):
    """A run of mk mix: what it said at its end."""
    traffic = Traffic(machine, SEED, options)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        machine.command("sleep 1")
    return traffic.end()


def sound(said, *living):
    expect(said.get("ok") and not said["status"], f"{said['why']}: {said}")
    flows(said, *living)


@deaths.test("mixed traffic between them is complete, in order and undamaged", vital=True)
def deaths_mix(machine):
    said = mixed(machine, 4)
    sound(said, 1, 2, 3)
    expect(said["strays"] == 0, f"{said['strays']} strays")
    for peer in said["peers"]:
        expect(peer["there"]["sent"] and peer["there"]["received"], f"{peer}")


def defect(word, field):
    def run(machine):
        said = mixed(machine, 4, f"--defect {word}")
        Run.controls.catch(f"defect {word}", sound, said)
        expect(said[field], f"{word} makes no message {field}: {said}")
    return run


for defect_word, defect_field in DEFECTS:
    deaths.test(f"defect {defect_word} is caught")(defect(defect_word, defect_field))


def memory(machine):
    """KiB: free, also in the lists that each CPU has of its own, where MemFree does not see
    them; and slabs"""
    text = machine.command("cat /proc/sys/vm/stat_refresh /proc/zoneinfo /proc/meminfo")
    pages = re.findall(r"^ +pages free +(\d+)|^ +count: +(\d+)", text, re.MULTILINE)
    return {"free": sum(int(free or listed) for free, listed in pages) * 4,
            "slab": int(re.search(r"^Slab: +(\d+) kB", text, re.MULTILINE)[1])}


def settled_memory(machine):
    """The host's, when what can go has gone: as much as it comes to have free."""
    best, still = None, 0
    for _ in range(60):
        machine.command("echo 3 > /proc/sys/vm/drop_caches; sleep 0.5")
        now = memory(machine)
        still = still + 1 if best and now["free"] < best["free"] + 32 else 0
        if not best or now["free"] > best["free"]:
            best = now
        if still == 6:
            break
    return best


def memory_left(machine):
    now = settled_memory(machine)
    print(f"   free {Run.free['free']} to {now['free']} KiB,"
          f" slab {Run.free['slab']} to {now['slab']} KiB", flush=True)
    for name, sign in (("free", 1), ("slab", -1)):
        less = sign * (Run.free[name] - now[name])
        expect(less <= MEMORY_SLACK,
               f"{name} went from {Run.free[name]} to {now[name]} KiB in"
               f" {Run.done - FIRST_DEATHS} deaths")


def interrupts(machine):
    """Rows of /proc/interrupts by name: the sum of all CPUs, or one count"""
    rows = machine.command("cat /proc/interrupts").splitlines()[1:]
    return {row.split(":")[0].strip(): mk.row_count(row.strip()) for row in rows}


def kill(machine, count):
    """Let so many die, and see that nobody else is concerned."""
    looked = 0
    while Run.done < count:
        Run.done += step_all(machine, Run.victims, Run.random)
        if time.monotonic() > looked + 1:
            looked = time.monotonic()
            said = Run.traffic.look()
            if said:
                flows(said, BYSTANDER)
        time.sleep(0.05)
    Run.done += stop_all(machine, Run.victims)
    oops(machine, BYSTANDER, *VICTIMS)


@deaths.test(f"the first of {DEATHS} deaths in mid-traffic", vital=True)
def deaths_first(machine):
    machine.command("mk stop 1 3")
    Run.victims = [Victim(machine, n, Run.random, ("stop",) * 4 + ("boot",), 0.6) for n in VICTIMS]
    Run.traffic = Traffic(machine, SEED, "--pause 50000")
    kill(machine, FIRST_DEATHS)
    Run.free = settled_memory(machine)
    Run.interrupts = interrupts(machine)


@deaths.test(f"{DEATHS} deaths in mid-traffic: the others go on", vital=True)
def deaths_all(machine):
    began = time.monotonic()
    kill(machine, DEATHS)
    ways = {way: sum(victim.deaths[way] for victim in Run.victims) for way in ("stop", "boot")}
    print(f"   {Run.done} deaths, {ways['boot']} while booting, {time.monotonic() - began:.0f} s;"
          f" seed {SEED}", flush=True)


@deaths.test("no memory is left behind, of the host's")
def deaths_memory(machine):
    memory_left(machine)


@deaths.test("200 pages left behind are noticed")
def deaths_pages(machine):
    Run.free = settled_memory(machine)
    machine.command("dd if=/dev/zero of=/tmp/left bs=4096 count=200 2> /dev/null")
    Run.controls.catch("200 pages", memory_left, machine)
    machine.command("rm /tmp/left")


@deaths.test("/proc/interrupts makes sense")
def deaths_interrupts(machine):
    now = interrupts(machine)
    expect(now["MKI"] > Run.interrupts["MKI"], f"MKI: {Run.interrupts['MKI']}, {now['MKI']}")
    for name, count in now.items():
        expect(count >= Run.interrupts.get(name, 0), f"{name} went down to {count}")
    for name in ("ERR", "MIS", "SPU"):
        expect(now.get(name, 0) == 0, f"{name}: {now[name]}")


@deaths.test("all streams were complete, in order and undamaged")
def deaths_streams(machine):
    spawn(machine, *VICTIMS)
    machine.command("sleep 2")
    said = Run.traffic.end()
    Run.messages = said.get("sent", 0)
    sound(said, BYSTANDER)
    died = {peer["peer"]: peer["deaths"] for peer in said["peers"]}
    expect(died[BYSTANDER] == 0, f"instance {BYSTANDER} has died")


@deaths.test("a peer that stalls is noticed")
def deaths_stall(machine):
    machine.command("mk stop 3")
    machine.command(mk.spawn_command(3, f"{QUICK_BOOT} mk_end=hang mk_after=5"), 90)
    traffic = Traffic(machine, SEED)

    def watch():
        end = time.monotonic() + 60
        while time.monotonic() < end:
            said = traffic.look()
            if said:
                flows(said, 3)
            time.sleep(0.5)

    Run.controls.catch("a peer that hangs", watch)
    machine.command("mk stop 3")
    sound(traffic.end(), 1, 2)


@deaths.test("memory of an instance that was not given back is noticed")
def deaths_held(machine):
    machine.command("mk stop 1")
    Run.controls.catch("an instance's memory", whole_pool, machine)


@deaths.test("no memory is left behind, of that for instances")
def deaths_pool(machine):
    machine.command(f"mk stop {BYSTANDER}")
    whole_pool(machine)
    machine.command("mk stop 3")
    refused(machine, "mk stop 3")


@deaths.test("neither the host nor any instance has met an oops or warning")
def deaths_oops(machine):
    oops(machine, 1, 2, 3)


@deaths.test("the host of the deaths powers off")
def deaths_end(machine):
    expect(machine.power_off() == 0, "QEMU did not end well")


def run(results):
    failed = results.failed
    print(f"   seed {SEED}", flush=True)
    on_machine(deaths, os.path.join(OUT, "deaths"), results, 3, 1500)
    found = results.failed - failed - Run.controls.tried + Run.controls.caught
    results.row("deaths in mid-traffic", f"{Run.done} deaths, {Run.messages} messages",
                f"{found} FAILED" if found else "nothing", str(Run.controls))
