# SPDX-License-Identifier: GPL-2.0
"""The ring in user space, beside those that Debian ships, and instructions for each message."""

import json
import os
import platform
import re
import shutil
import subprocess

import machine as mk
from measure import Comparison, Part, Series

HERE = os.path.join(mk.TOP, "tools/testing/multikernel")
OUT = os.path.join(mk.BUILDS, "bench")
# What each message costs in instructions, as far as it is known, by compiler
BASELINE = os.path.join(HERE, "bench/baseline.json")
PINGS, MESSAGES = 200_000, 2_000_000
COUNTED = ("send", "receive", "dispatch", "call")
# So many rounds of each, as bench/count.c has it; and how many functions are named
COUNTS, NAMED = 1024, 6
OURS, LINE = "mk_ring", "a cache line"
OTHERS = ("ck_ring", "rte_ring")


class Missing(Exception):
    """Why this cannot be measured here."""


def build():
    log = os.path.join(OUT, "build.log")
    os.makedirs(OUT, exist_ok=True)
    # The options of a make that called this are not for that one
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    with open(log, "w") as file:
        status = subprocess.call(["make", "-s", "-f", os.path.join(HERE, "Makefile"), f"O={OUT}",
                                  f"TREE={mk.TREE}", "bench"], stdout=file, stderr=file, env=env)
    if status:
        raise Missing(f"it does not build: see {mk.shown(log)}")


def processor():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"^model name\s*: (.*)", file.read(), re.M)
    return found.group(1) if found else "a processor that does not say its name"


def rings(rounds):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Missing("two threads need two CPUs")
    command = [os.path.join(OUT, "bench/rings"), str(cpus[0]), str(cpus[-1]), str(rounds),
               str(PINGS), str(MESSAGES)]
    found = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            what, name, number, ns = line.strip().split(",")
            print(f"      {what}, {name}, round {number} of {rounds}: {ns} ns", flush=True)
            found.setdefault((what, name), []).append([float(ns)])
    if child.returncode:
        raise Missing(f"bench/rings: exit status {child.returncode}")
    series = {key: Series(f"{key[1]}, {key[0]}", "ns", values) for key, values in found.items()}
    ours = series["ping", OURS]
    comparisons = [Comparison("round trip of 56 bytes, beside a bare cache line", ours,
                              series["ping", LINE], most=1.35)]
    for other in OTHERS:
        comparisons.append(Comparison(f"round trip of 56 bytes, beside {other}", ours,
                                      series["ping", other], most=1))
    for other in OTHERS:
        comparisons.append(Comparison(f"streaming 56 bytes, beside {other}",
                                      series["stream", OURS], series["stream", other], most=1))
    return Part("The ring, natively, two threads", f"{processor()}, CPUs {cpus[0]} and {cpus[-1]}",
                comparisons)


def compiler():
    said = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"gcc {said.stdout.strip()}, {platform.machine()}"


def by_function(text):
    """What a dump of callgrind says of each function itself, without those that it calls."""
    names, found, function, skip = {}, {}, None, False
    for line in text.splitlines():
        named = re.match(r"fn=\((\d+)\)(?: (.*))?", line)
        if named:
            function = names.setdefault(named.group(1), named.group(2))
        elif line.startswith("calls="):
            skip = True     # the next line has what the call cost
        elif re.match(r"[\d+*-]", line):
            if not skip:
                found[function] = found.get(function, 0) + int(line.split()[1])
            skip = False
        else:
            called = re.match(r"cfn=\((\d+)\) (.*)", line)
            if called:
                names.setdefault(called.group(1), called.group(2))
    return sorted(((cost / COUNTS, name) for name, cost in found.items() if cost >= COUNTS),
                  reverse=True)


def instructions():
    """What callgrind counts, in instructions for each message."""
    if not shutil.which("valgrind"):
        raise Missing("there is no valgrind: make setup installs it")
    dump = os.path.join(OUT, "callgrind.out")
    for name in os.listdir(OUT):
        if name.startswith("callgrind.out"):
            os.unlink(os.path.join(OUT, name))
    log = os.path.join(OUT, "count.log")
    with open(log, "w") as file:
        status = subprocess.call(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                                  f"--callgrind-out-file={dump}",
                                  os.path.join(OUT, "bench/count")], stdout=file, stderr=file)
    if status:
        raise Missing(f"bench/count: exit status {status}: see {mk.shown(log)}")
    found = {}
    for name in os.listdir(OUT):
        if not name.startswith("callgrind.out"):
            continue
        with open(os.path.join(OUT, name)) as file:
            text = file.read()
        trigger = re.search(r"^desc: Trigger: Client Request: (\w+)", text, re.M)
        total = re.search(r"^totals: (\d+)", text, re.M)
        if trigger:
            name = trigger.group(1)
            found[name] = int(total.group(1)) / COUNTS
            if name in COUNTED:
                print(f"      instructions, {name}: " + ", ".join(
                    f"{cost:.0f} {where}" for cost, where in by_function(text)[:NAMED]),
                      flush=True)
    return {name: found[name] for name in COUNTED}


def count(write=False):
    """Instructions, beside those of the file that is kept."""
    now, by = instructions(), compiler()
    try:
        with open(BASELINE) as file:
            known = json.load(file)
    except FileNotFoundError:
        known = {}
    if write:
        known[by] = {name: round(value, 1) for name, value in now.items()}
        with open(BASELINE, "w") as file:
            json.dump(known, file, indent=1, sort_keys=True)
            file.write("\n")
    if by not in known:
        print(f"      instructions, {by}: " +
              ", ".join(f"{name} {value:.0f}" for name, value in now.items()))
        raise Missing(f"{mk.shown(BASELINE)} has none by {by}: scripts/bench --baseline puts"
                      " them there")
    comparisons = [Comparison(f"{name}, for each message", Series(name, "instructions", [[value]]),
                              Series(f"{name}, as known", "instructions", [[known[by][name]]]))
                   for name, value in now.items()]
    return Part("Instructions for each message of 56 bytes, by callgrind", by, comparisons)
