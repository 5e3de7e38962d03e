# SPDX-License-Identifier: GPL-2.0
"""What tests on a machine with several kernels are made of."""

import json
import os
import time

import machine as mk

# Round trips of an exchange
COUNT = 1000
OUT = os.path.join(mk.BUILD, "test")


class Failed(Exception):
    """What a test found wrong."""


class Skipped(Exception):
    """Why a test can't be run here."""


def expect(condition, why):
    if not condition:
        raise Failed(why)


class Results:
    """Lines for people, and for programs where RESULTS names a file."""

    def __init__(self, suite):
        self.suite = suite
        self.failed = 0
        self.file = os.environ.get("RESULTS")

    def add(self, status, name, why="", began=None):
        self.failed += status == "fail"
        mark = "not ok" if status == "fail" else "ok"
        took = f" [{time.monotonic() - began:.0f} s]" if began else ""
        print(f"{mark} {self.suite}: {name}{took}" + (f" ({why})" if why else ""), flush=True)
        if self.file:
            with open(self.file, "a") as file:
                json.dump({"suite": self.suite, "where": mk.WHERE, "name": name,
                           "status": status, "why": why}, file)
                file.write("\n")

    @staticmethod
    def row(check, tried, found, controls):
        """A line of the table that ends `make verify`: TABLE names its file."""
        path = os.environ.get("TABLE")
        if path:
            with open(path, "a") as file:
                json.dump({"check": check, "tried": tried, "found": found,
                           "controls": controls}, file)
                file.write("\n")


class Controls:
    """Deliberate defects, and how many of them were caught."""

    def __init__(self):
        self.tried = 0
        self.caught = 0

    def catch(self, what, check, *args):
        """The check has to object."""
        self.tried += 1
        try:
            check(*args)
        except (Failed, mk.CommandError):
            self.caught += 1
            return
        raise Failed(f"{what} was not noticed")

    def __str__(self):
        return f"{self.caught} of {self.tried}"


class Group:
    """Tests in the order in which they run, by name."""

    def __init__(self):
        self.tests = []

    def test(self, name, vital=False):
        def add(function):
            self.tests.append((name, function, vital))
            return function
        return add

    def run(self, results, *args):
        lost = None
        for name, function, vital in self.tests:
            if lost:
                results.add("fail", name, f"not reached: {lost}")
                continue
            began = time.monotonic()
            try:
                function(*args)
                results.add("pass", name, began=began)
            except Skipped as why:
                results.add("skip", name, str(why))
            except (Failed, mk.CommandError) as error:
                results.add("fail", name, str(error), began)
                lost = f"{name} failed" if vital else None
            except Exception as error:
                # The machine is lost, or something that no test should meet
                lost = str(error) if isinstance(error, mk.MachineError) else repr(error)
                results.add("fail", name, lost, began)
        return lost


# What tests are made of


def refused(machine, line, *words):
    """The command must fail, in one line that has all the words."""
    status, text = machine.try_command(line)
    expect(status == 1, f"`{line}` gave status {status}: {text}")
    expect(len(text.splitlines()) == 1, f"`{line}` said more than a line: {text}")
    for word in words:
        expect(word in text, f"`{line}` said `{text}` and not `{word}`")


def online(machine, cpu):
    return machine.command(f"cat /sys/devices/system/cpu/cpu{cpu}/online") == "1"


def set_online(machine, cpu, state):
    machine.command(f"echo {state} > /sys/devices/system/cpu/cpu{cpu}/online")
    expect(online(machine, cpu) == bool(state), f"CPU {cpu} did not go, or come")


def lent_offline(machine, *cpus):
    """The host must not be able to bring them online."""
    for cpu in cpus:
        status, text = machine.try_command(f"echo 1 > /sys/devices/system/cpu/cpu{cpu}/online")
        expect(status, f"it could bring CPU {cpu} online: {text}")
        expect(not online(machine, cpu), f"CPU {cpu} is online")


def spawn_refused(machine, options, *words, kernel=mk.IMAGE, cpus="2,3"):
    """A spawn on CPUs of the host must fail, and all CPUs be the host's as before."""
    before = machine.command("cat /sys/devices/system/cpu/online")
    expect(online(machine, cpus[0]), f"CPU {cpus[0]} was not online")
    refused(machine, f"mk spawn --offline --cpu {cpus} {options} {kernel}", *words)
    after = machine.command("cat /sys/devices/system/cpu/online")
    expect(before == after, f"the host had CPUs {before} and has {after}")


def instance(machine, n):
    for info in json.loads(machine.command("mk ls --json")):
        if info["instance"] == n:
            return info
    raise Failed(f"mk ls does not show instance {n}")


def exchange(machine, options, pairs):
    """mk ping must succeed and report so many exchanges."""
    text = machine.command(f"mk ping --json --count {COUNT} {options}", 120)
    done = [json.loads(line) for line in text.splitlines()]
    expect(len(done) == pairs, f"{len(done)} exchanges and not {pairs}: {text}")
    for pair in done:
        name = f"{pair['from']} -> {pair['to']}"
        expect(pair["round_trips"] == COUNT, f"{name}: {pair['round_trips']} round trips")
        for field in ("error", "lost", "reordered", "damaged"):
            expect(pair[field] == 0, f"{name}: {pair[field]} {field}")


def statistics(machine):
    return json.loads(machine.command("mk stat --json"))


def up_on(machine, n, cpus):
    """An instance must be up, have been lent these CPUs, and run on as many."""
    info = instance(machine, n)
    expect(info["state"] == "up" and info["cpus"] == list(cpus) and info["cpu"] == cpus[0],
           f"mk ls: {info}")
    ticks(machine, n)
    count = machine.alive(n)["CPUS"]
    expect(count == len(cpus), f"instance {n} runs on {count} CPUs")


def ticks(machine, *instances):
    for n in instances:
        expect(machine.wait_alive(n), f"instance {n} does not tick")


def on_machine(group, name, results, instances, timeout, **more):
    """Run a group on a machine of its own."""
    machine = mk.Machine(os.path.join(OUT, name), instances,
                         accel=os.environ.get("ACCEL") or "tcg", timeout=timeout,
                         **more)
    with machine:
        failed = results.failed
        group.run(results, machine)
        if results.failed > failed and machine.process:
            print(machine.last_lines())
