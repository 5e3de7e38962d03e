# SPDX-License-Identifier: GPL-2.0
"""iperf3 over the link between kernels, beside a veth pair of the host."""

import re

import machine as mk
import network
from measure import Comparison, Part, Series

# A pair of devices of the host, one end of it in a namespace of its own; that is veth0, as
# the kernel names it. Its server has the one CPU, the client the other.
VETH = ("unshare -n sh -c 'echo $$ > /tmp/namespace; exec sleep 1000000' & sleep 1;"
        " ip link add own0 type veth && ip link set veth0 netns $(cat /tmp/namespace) &&"
        " ip addr add 10.78.0.1/24 dev own0 && ip link set own0 up &&"
        " {inside} ip addr add 10.78.0.2/24 dev veth0 && {inside} ip link set veth0 up &&"
        " {inside} taskset 1 iperf3 -s -D").format(inside="nsenter -t $(cat /tmp/namespace) -n")
SERVER, CLIENT = 0, 1
WAYS = (("veth, to its other end", "10.78.0.2"),
        ("mk1, to the instance", network.address(1)),
        ("veth, from its other end", "10.78.0.2 -R"),
        ("mk1, from the instance", f"{network.address(1)} -R"))


def doorbells(machine):
    """Of each CPU of the host"""
    row = machine.command(mk.ROW)
    return [int(count) for count in re.findall(r"\s(\d+)(?=\s)", row)]


def door(machine):
    """The CPU that is rung when the instance sends: each device has its frames come there."""
    before = doorbells(machine)
    machine.command(f"{network.PING} -f -q -c 1000 {network.address(1)}")
    rung = [now - then for now, then in zip(doorbells(machine), before)]
    return rung.index(max(rung))


def stream(machine, cpu, options, seconds):
    """Megabits a second"""
    end = network.iperf(machine.command(f"taskset {1 << cpu:x} iperf3 --json -t {seconds}"
                                        f" -c {options}", seconds * 3 + 60))
    return end["sum_received"]["bits_per_second"] / 1e6


def measure(machine, rounds, seconds, where):
    machine.command(VETH)
    cpus = {"veth": CLIENT, "mk1": door(machine)}
    found = {name: [] for name, _ in WAYS}
    for n in range(rounds):
        for name, options in WAYS:
            mbit = stream(machine, cpus[name.split(",")[0]], options, seconds)
            print(f"      network, {name}: round {n + 1} of {rounds}: {mbit:.0f} Mbit/s",
                  flush=True)
            found[name].append([mbit])
    series = [Series(name, "Mbit/s", found[name]) for name, _ in WAYS]
    comparisons = [Comparison("TCP to another kernel", series[1], series[0], least=0.5),
                   Comparison("TCP from another kernel", series[3], series[2], least=0.5)]
    place = (f"{where}; iperf3 for {seconds} s; the client on CPU {cpus['veth']} and the server on"
             f" CPU {SERVER} of the host, or the client on CPU {cpus['mk1']} and the server on the"
             " CPU of the instance")
    return Part("Network", place, comparisons)
