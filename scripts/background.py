# SPDX-License-Identifier: GPL-2.0
"""Exchanges and streams that go on in the background of a test, time and again."""

import json
import time

from tests import expect, statistics

# Each has its own; what they print is in it
LOG = "/tmp/background"


def whole(row):
    """What `mk ping` or `mk stream` says of a run must be that all went well."""
    name = f"{row['from']} -> {row['to']}"
    if "round_trips" in row:
        expect(row["round_trips"] == row["count"], f"{name}: {row['round_trips']} round trips")
    else:
        expect(row["received"] == row["messages"] == row["count"] * len(row["cpus"]),
               f"{name}: {row['received']} of {row['messages']} messages arrived")
    for field in ("error", "lost", "reordered", "damaged"):
        expect(row[field] == 0, f"{name}: {row[field]} {field}: {row}")
    return row["messages"]


class Background:
    """Lines that have mk print --json, which the host repeats: as a context, until it ends."""

    def __init__(self, machine, *runs):
        self.machine = machine
        self.runs = runs

    def __enter__(self):
        self.machine.command(f"rm -f {LOG}.*")
        for n, run in enumerate(self.runs):
            self.machine.command(f"while [ ! -e {LOG}.end ]; do {run} || echo failed; done"
                                 f" > {LOG}.{n} 2>&1 & background{n}=$!")
        return self

    def __exit__(self, *_):
        # They end by themselves with the machine
        pass

    def end(self, seconds=120):
        """Have them end: how many messages there were, if all went well."""
        self.machine.command(f"touch {LOG}.end")
        total = 0
        for n, run in enumerate(self.runs):
            self.machine.command(f"wait $background{n}", seconds)
            lines = self.machine.command(f"cat {LOG}.{n}").splitlines()
            expect(lines, f"`{run}` has said nothing")
            for line in lines:
                expect(line.startswith("{"), f"`{run}`: {line}")
                total += whole(json.loads(line))
        return total


def received(machine):
    """By peer: messages that the host has received."""
    rows = statistics(machine)["lane"]
    return {peer: sum(row["received"] for row in rows if row["peer"] == peer)
            for peer in {row["peer"] for row in rows}}


def goes_on(machine, *peers, seconds=20):
    """Each of these must bring something yet."""
    before = received(machine)
    end = time.monotonic() + seconds
    while True:
        now = received(machine)
        still = [peer for peer in peers if now[peer] == before[peer]]
        if not still:
            return
        expect(time.monotonic() < end, f"nothing comes any more from {still}")
