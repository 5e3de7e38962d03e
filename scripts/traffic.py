# SPDX-License-Identifier: GPL-2.0
"""Mixed traffic between all kernels of a machine, and instances that die in it."""

import json
import re
import time

import machine as mk
from tests import Failed, expect

# Of a guest: one that was told to panic says `Call Trace` as well
OOPS = r"\bBUG:|WARNING:|Oops"
HOST_OOPS = OOPS + "|Call Trace"
# Without progress for so long a living peer, or the host, has stalled
STALL_MS = 10000
WRONG = ("lost", "reordered", "doubled", "damaged", "other")
QUICK_BOOT = "loglevel=5"


class Traffic:
    """`mk mix` on the host, whose last line alone is kept: it may go on for hours."""

    def __init__(self, machine, seed, options=""):
        self.machine = machine
        machine.command("rm -f /tmp/mix*; ("
                        f"mk mix --json --seconds 1000000 --seed {seed} {options}"
                        " 2> /tmp/mix.why & echo $! > /tmp/mix.pid; wait $!;"
                        " echo $? > /tmp/mix.status) | while read -r line; do"
                        ' echo "$line" > /tmp/mix.new; mv /tmp/mix.new /tmp/mix; done & mix=$!')

    def look(self):
        """What it said last; None: nothing yet."""
        status, text = self.machine.try_command("cat /tmp/mix 2> /dev/null")
        return json.loads(text) if not status else None

    def end(self):
        """What it says of all of it, and with what exit status."""
        self.machine.command("kill $(cat /tmp/mix.pid); wait $mix", 120)
        said = self.look() or {}
        said["status"] = int(self.machine.command("cat /tmp/mix.status"))
        said["why"] = self.machine.command("cat /tmp/mix.why")
        return said


def flows(said, *living):
    """Nothing is wrong so far, and the traffic with these instances goes on."""
    for field in WRONG:
        expect(not said[field], f"{said[field]} {field}: {said}")
    expect(said["paused_ms"] < STALL_MS, f"the host stalled for {said['paused_ms']} ms")
    for peer in said["peers"]:
        if peer["peer"] in living:
            stalled = max(peer["stall_ms"], peer["longest_stall_ms"])
            expect(stalled < STALL_MS, f"instance {peer['peer']} stalled for {stalled} ms")


def listed(machine):
    return {info["instance"]: info for info in json.loads(machine.command("mk ls --json"))}


def host_oops(machine):
    said = machine.try_command(f"dmesg | grep -E '{HOST_OOPS}'")[1]
    expect(not said, f"the host: {said[:300]}")


def oops(machine, *instances):
    host_oops(machine)
    for n in instances:
        said = re.findall(f".*(?:{OOPS}).*", machine.said(n))
        expect(not said, f"instance {n}: {'; '.join(said)[:300]}")


class Victim:
    """An instance that dies again and again, each time in a way of its own choice.

    stop: by the host, at a random moment of its traffic; boot: before it is up; hang: by
    the host, some time after it has hung; others: by itself, in mid-traffic.
    """

    def __init__(self, machine, n, random, ways, seconds):
        self.machine = machine
        self.n = n
        self.random = random
        self.seconds = seconds  # of traffic before it dies, at the most
        self.ways = ways
        self.deaths = {way: 0 for way in ways}
        self.way = None         # None: it is not there
        self.before = None      # what mk ls showed of it before it was spawned
        self.kill_at = None
        self.limit = None

    def spawn(self, info):
        """In the background, since that takes time; whether it succeeds, step() sees."""
        self.way = self.random.choice(self.ways)
        self.before = info
        self.kill_at = None
        self.limit = time.monotonic() + 90
        options = QUICK_BOOT
        if self.way not in ("stop", "boot"):
            options += f" mk_end={self.way} mk_after={self.random.randint(1, self.seconds)}"
        line = mk.spawn_command(self.n, options).replace("mk spawn", "mk spawn --wait 0")
        self.machine.command(f"{line} > /tmp/spawn-{self.n} 2>&1 &")

    def step(self, info):
        """Once in a while, with what mk ls shows of it: whether it is time to stop it."""
        now = time.monotonic()
        if self.way is None:
            self.spawn(info)
            return False
        if self.kill_at:
            return now >= self.kill_at
        state = info["state"]
        if now > self.limit:
            said = self.machine.command(f"cat /tmp/spawn-{self.n}")
            raise Failed(f"instance {self.n} is {state} for too long: {said}")
        if info["incarnation"] == self.before["incarnation"]:
            return False
        alone = self.way not in ("stop", "boot", "hang")
        expect(state in ("started", "up") or (alone and state == "parked") or
               (self.way == "hang" and state == "hung"),
               f"instance {self.n}, to end by {self.way}, is {state}")
        if self.way == "boot":
            self.kill_at = now + self.random.uniform(0, 1)
        elif (self.way == "stop" and info["received"] > self.before["received"]) or \
                state in ("hung", "parked"):
            self.kill_at = now + self.random.uniform(0, self.seconds)
        return False

    def there(self, info):
        """Whether there is something that could die."""
        return self.way is not None and info["incarnation"] != self.before["incarnation"]

    def living(self):
        """Whether its traffic has to go on."""
        return self.way == "stop"

    def died(self):
        self.deaths[self.way] += 1
        self.way = None


def step_all(machine, victims, random):
    """A look at all: those whose time has come die, at times all that are there at once."""
    known = listed(machine)
    due = [victim for victim in victims if victim.step(known.get(victim.n))]
    if due and not random.randrange(5):
        due = [victim for victim in victims if victim.there(known[victim.n])]
    if due:
        machine.command("mk stop " + " ".join(str(victim.n) for victim in due))
    for victim in due:
        victim.died()
    return len(due)


def stop_all(machine, victims):
    """Those that are left die, too: how many."""
    left = [victim for victim in victims if victim.way is not None]
    for victim in left:
        while not victim.there(listed(machine)[victim.n]):
            expect(time.monotonic() < victim.limit, f"instance {victim.n} was not spawned")
            time.sleep(0.1)
        machine.command(f"mk stop {victim.n}")
        victim.died()
    return len(left)
