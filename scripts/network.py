# SPDX-License-Identifier: GPL-2.0
"""The network between kernels, by the programs that people run on networks."""

import json
import re

import machine as mk
from console import Attached
from tests import Group, expect

PREFIX = "10.77.0"
# What instances are told: an address, and to serve a page and iperf3
SERVE = f"mk_net={PREFIX} mk_serve=1"
FLOOD = 1000
# Debian's own: the shell would take busybox's, which has no -f
PING = "/bin/ping"
SECONDS = 2
# Bytes of a ring that the largest frame takes
FRAME = 65600
# The carrier of a peer that comes or goes, and what runs there
SOON = 30

group = Group()


def address(n):
    return f"{PREFIX}.{n + 1}"


def last_a_minute():
    """Each stream, from here on"""
    global SECONDS
    SECONDS = 60


def spawn(machine, n):
    machine.command(mk.spawn_command(n, SERVE, archive=mk.TOOLS), 120)


def wait(machine, line, seconds=SOON):
    """Until the line succeeds."""
    machine.command(f"end=$(($(date +%s) + {seconds})); until {line}; do"
                    " [ $(date +%s) -lt $end ] || break; sleep 0.2; done > /dev/null 2>&1;"
                    f" {line}", seconds * 2)


def reached(machine, *instances):
    for n in instances:
        wait(machine, f"ping -c 1 -W 1 {address(n)}")
        wait(machine, f"wget -q -O - http://{address(n)}/")


def drops(machine, n):
    """What the host's device to an instance has dropped, or found to make no sense."""
    said = machine.command(f"ethtool -S mk{n}; cat /sys/class/net/mk{n}/statistics/*_dropped")
    bad = sum(int(count) for count in re.findall(r"rx_(?:malformed|no_memory): (\d+)", said))
    return bad + sum(int(line) for line in said.splitlines() if line.isdigit())


def flood(text, count):
    expect(f"{count} packets transmitted, {count} received, 0% packet loss" in text,
           f"ping says {text.splitlines()[-3:]}")


def iperf(text):
    """What iperf3 --json has measured; it says so itself if something was wrong."""
    said = json.loads(text)
    expect("error" not in said, f"iperf3 says {said.get('error')}")
    return said["end"]


@group.test("a host and two instances have addresses, and are reached", vital=True)
def up(machine):
    machine.prepare()
    machine.boot()
    for n in (1, 2):
        spawn(machine, n)
    reached(machine, 1, 2)


@group.test("each kernel has a device to each other one")
def devices(machine):
    for n in (1, 2):
        said = machine.command(f"ethtool mk{n}; ethtool -i mk{n}; ip link show mk{n}")
        for words in ("Link detected: yes", "driver: mk_net", f"bus-info: instance {n}",
                      f"02:6d:6b:00:00:0{n}", "mtu 1500"):
            expect(words in said, f"mk{n}: no `{words}` in {said}")
    with Attached(machine, 1) as console:
        console.shell()
        console.ask("cat /sys/class/net/mk0/carrier /sys/class/net/mk2/carrier", rb"^1\r\n1\r\n")
        console.ask("cat /sys/class/net/mk2/address", rb"^02:6d:6b:00:01:02\r\n")
        console.leave()


@group.test("ping -f loses nothing, to and between instances")
def ping(machine):
    for n in (1, 2):
        flood(machine.command(f"{PING} -f -q -c {FLOOD} {address(n)}", 120), FLOOD)
    with Attached(machine, 1) as console:
        console.shell()
        console.type(f"{PING} -f -q -c {FLOOD} {address(2)}")
        flood(console.see(rb"^rtt min", 120), FLOOD)
        console.leave()


@group.test("a web page and a file are fetched as they are")
def web(machine):
    for n in (1, 2):
        page = machine.command(f"wget -q -O - http://{address(n)}/")
        expect(f"instance {n}" in page, f"instance {n} serves {page}")
    with Attached(machine, 1) as console:
        console.shell()
        console.ask("httpd -p 8080 -h /bin && echo serves", rb"^serves\r\n")
        console.leave()
    own = machine.command("sha256sum < /bin/busybox")
    for _ in range(5):
        other = machine.command(f"wget -q -O - http://{address(1)}:8080/busybox | sha256sum")
        expect(own == other, f"the file has become {other}")


@group.test("frames of 64 KiB go through, if asked for")
def large(machine):
    machine.command("ip link set mk1 mtu 65000")
    with Attached(machine, 1) as console:
        console.shell()
        console.ask("ip link set mk0 mtu 65000; echo set", rb"^set\r\n")
        console.leave()
    # One after the other: the socket of ping has room for few of them
    flood(machine.command(f"{PING} -A -q -s 64000 -M do -c 200 {address(1)}", 60), 200)
    status, text = machine.try_command("ip link set mk1 mtu 65503")
    expect(status, f"an MTU of 65503 was taken: {text}")


def stream(machine, options):
    return iperf(machine.command(f"iperf3 -c {address(1)} -t {SECONDS} --json {options}",
                                 SECONDS * 4 + 60))


@group.test("iperf3: TCP both ways")
def tcp(machine):
    before = drops(machine, 1)
    for name, options in (("to", ""), ("from", "-R")):
        end = stream(machine, options)
        expect(end["sum_received"]["bytes"] > 1 << 20, f"{name} instance 1: {end}")
        expect(end["sum_received"]["seconds"] > SECONDS / 2, f"{name} instance 1: {end}")
    expect(drops(machine, 1) == before, "the device has dropped frames")


@group.test("iperf3: UDP both ways, in order, and nothing is lost on the link")
def udp(machine):
    before = drops(machine, 1)
    for name, options in (("to", "-u -b 100M -w 200K"), ("from", "-u -b 100M -w 200K -R")):
        end = stream(machine, options)
        packets = end["sum"]["packets"]
        expect(packets > 100, f"{name} instance 1: {packets} packets")
        for one in end["streams"]:
            expect(one["udp"].get("out_of_order", 0) == 0, f"{name} instance 1: {one['udp']}")
    expect(drops(machine, 1) == before, "the device has dropped frames")


@group.test("iperf3: four flows at once, and byte queue limits hold")
def flows(machine):
    queues = "/sys/class/net/mk1/queues/tx-*/byte_queue_limits"
    machine.command(f"iperf3 -c {address(1)} -t 6 -P 4 > /tmp/flows & flows=$!")
    used = 0
    for _ in range(4):
        machine.command("sleep 1")
        said = machine.command(f"cat {queues}/limit; cat {queues}/inflight").split()
        half = len(said) // 2
        for limit, inflight in zip(map(int, said[:half]), map(int, said[half:])):
            used |= limit
            expect(inflight <= limit + FRAME, f"{inflight} bytes are unread, the limit is {limit}")
    expect(used, "byte queue limits were not used")
    machine.command("wait $flows", 60)


@group.test("an instance is stopped in mid-stream, spawned again, and is reached", vital=True)
def killed(machine):
    for way in ("", "-R"):
        machine.command(f"iperf3 -c {address(1)} -t 60 {way} > /tmp/stream 2>&1 & stream=$!;"
                        " sleep 2")
        machine.command("mk stop 1")
        wait(machine, "[ $(cat /sys/class/net/mk1/carrier) = 0 ]")
        flood(machine.command(f"{PING} -f -q -c 1000 {address(2)}", 60), 1000)
        spawn(machine, 1)
        wait(machine, "[ $(cat /sys/class/net/mk1/carrier) = 1 ]")
        machine.command("kill $stream; wait $stream; true", 60)
        reached(machine, 1)
        flood(machine.command(f"{PING} -f -q -c {FLOOD // 10} {address(1)}", 60), FLOOD // 10)
        iperf(machine.command(f"iperf3 -c {address(1)} -t 1 --json {way}", 60))


@group.test("a device that is set down takes nothing, and goes on when it is up")
def down(machine):
    machine.command("ip link set mk2 down")
    status, text = machine.try_command(f"ping -c 1 -W 1 {address(2)}")
    expect(status, f"it was answered: {text}")
    machine.command("ip link set mk2 up")
    reached(machine, 2)
    iperf(machine.command(f"iperf3 -c {address(2)} -t 1 --json", 60))


@group.test("a host with a network powers off")
def end(machine):
    text = machine.command("dmesg")
    expect(not re.search("BUG|WARNING|Oops|Call Trace", text), f"the host has said {text[-2000:]}")
    expect(machine.power_off() == 0, "QEMU did not end well")
