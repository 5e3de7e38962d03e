# SPDX-License-Identifier: GPL-2.0
"""Messages in kernels, beside the interrupts and copies that they are made of."""

import os

import machine as mk
import network
from measure import Comparison, Curve, Part, Series

# The host has two CPUs, and two instances one each: the second has counters and tracepoints
# compiled out
HOST, BARE = 2, 2
CPUS = HOST + 2
# Rounds for each that is asked for: short ones, since a machine that has others beside it is
# fast and slow in turns
FINER = 5
# In each round
SAMPLES = 20
STREAM = 20_000
LARGE = 100
DISPATCHES = 50
BURSTS, BURST_SAMPLES = (1, 4, 16, 64, 256, 1024), 5
TYPES = (1, 16, 256, 4080)
PEERS = (1, 3, 15, 63)
# Where that many instances of the host itself share memory, and the option that reserves it
RESERVE = "reserve_mem=20M:64K:bench"
LOOPS, BATCH = 50, 32

# By name: what multikernel/bench is told, behind the peer, and what of its answer is the figure
FILE = "/sys/kernel/debug/multikernel/bench"


def places(together):
    """
    Where emulated CPUs run. The host's first, which sends, and who hears it have a real CPU
    each, if there are two; its second one has that of the first if they are to be @together.
    """
    real = sorted(os.sched_getaffinity(0))
    if len(real) >= CPUS:
        return {n: {real[n]} for n in range(CPUS)}
    return {n: {real[-1] if n >= HOST - (not together) else real[0]} for n in range(CPUS)}


def anywhere():
    return {n: os.sched_getaffinity(0) for n in range(CPUS)}


def run(machine, test, count, argument=0, peer=1):
    """A microsecond in cycles, and the samples."""
    machine.pin(places(together=test == "stream"))
    said = machine.command(f"taskset 1 sh -c 'echo {test} {peer} {count} {argument} > {FILE}' &&"
                           f" cat {FILE}", 120)
    cycles, *samples = (int(line) for line in said.split())
    return cycles, samples


def latency(test, argument=0):
    def measure(machine):
        cycles, samples = run(machine, test, SAMPLES, argument)
        return [sample * 1000 / cycles for sample in samples]
    return measure


def rate(argument):
    """Messages of a stream in a second; doorbells for each go to the side."""
    def measure(machine):
        cycles, (took, rung) = run(machine, "stream", STREAM, argument)
        measure.doorbells.append([rung / STREAM])
        return [STREAM * cycles * 1e6 / took]
    measure.doorbells = []
    return measure


def bandwidth(argument):
    def measure(machine):
        cycles, (took,) = run(machine, "large", LARGE, argument)
        return [LARGE * 65536 * cycles / took]
    return measure


def dispatch(types):
    def measure(machine):
        cycles, samples = run(machine, "dispatch", DISPATCHES, types)
        return [sample * 1000 / cycles / 64 for sample in samples]
    return measure


def peers(number):
    def measure(machine):
        cycles, samples = run(machine, "peers", SAMPLES, number)
        return [sample * 1000 / cycles for sample in samples]
    return measure


def loop(peer):
    def measure(machine):
        cycles, samples = run(machine, "loop", LOOPS, peer=peer)
        return [sample * 1000 / cycles / BATCH for sample in samples]
    return measure


def burst(length):
    """Messages a second"""
    def measure(machine):
        cycles, samples = run(machine, "burst", BURST_SAMPLES, length)
        return [length * cycles * 1e6 / sample for sample in samples]
    return measure


def types(number):
    return "one type" if number == 1 else f"{number} types"


def many(number):
    return f"a message, with {'one peer' if number == 1 else f'{number} peers'}"


COUNTED, UNCOUNTED = "a message to oneself", "a message to oneself, uncounted"


def tests():
    return {
        "a doorbell alone": (latency("doorbell"), "ns"),
        "a message": (latency("message"), "ns"),
        "smp_call_function_single_async()": (latency("ipi"), "ns"),
        "a message within a kernel": (latency("self"), "ns"),
        "smp_call_function_single(), waiting": (latency("ipi", 1), "ns"),
        "a call and its reply": (latency("call"), "ns"),
        "a doorbell for each message": (rate(0), "messages/s"),
        "a stream": (rate(1), "messages/s"),
        "a stream of two CPUs": (rate(2), "messages/s"),
        "memcpy() there and back": (bandwidth(0), "MB/s"),
        "messages of 64 KiB": (bandwidth(1), "MB/s"),
        COUNTED: (loop(1), "ns"),
        UNCOUNTED: (loop(BARE), "ns"),
    } | {many(n): (peers(n), "ns") for n in PEERS} | {types(n): (dispatch(n), "ns") for n in TYPES} | {
        f"a burst of {n}": (burst(n), "messages/s") for n in BURSTS}


def rounds(machine, number):
    measures = tests()
    found = {name: [] for name in measures}
    for n in range(number * FINER):
        for name, (measure, _) in measures.items():
            found[name].append(measure(machine))
        print(f"      in kernels: round {n + 1} of {number * FINER}", flush=True)
    series = {name: Series(name, unit, found[name]) for name, (_, unit) in measures.items()}
    doorbells = Series("doorbells for each message", "", measures["a stream"][0].doorbells)
    return series, doorbells


def spawn(n, **other):
    """As the other instance, and on a CPU of its own; with RAM, since TCP's window goes by it."""
    return mk.spawn_command(n, network.SERVE, cpus=(HOST - 1 + n,), ram="384M",
                            archive=mk.TOOLS, **other)


def compare(series, doorbells, where):
    def beside(what, name, other, **goal):
        return Comparison(what, series[name], series[other], **goal)
    one = Series("a message", "", [[1]] * len(doorbells.rounds))
    comparisons = [
        beside("a message to an idle CPU of another kernel", "a message", "a doorbell alone",
               most=1.10),
        beside("a message to a CPU of the same kernel", "a message within a kernel",
               "smp_call_function_single_async()", most=1),
        beside("a call to another kernel", "a call and its reply",
               "smp_call_function_single(), waiting", most=1.5),
        beside("streaming messages of 64 bytes", "a stream", "a doorbell for each message",
               least=10),
        Comparison("doorbells of the stream", doorbells, one, most=0.02),
        beside("two sending CPUs", "a stream of two CPUs", "a stream", least=0.95),
        beside("dispatch with 4080 types", "4080 types", "one type", most=1.05),
        beside("63 peers, one of them active", many(63), many(1), most=1.10),
        beside("messages of 64 KiB", "messages of 64 KiB", "memcpy() there and back", least=0.5),
        beside("statistics and tracepoints", COUNTED, UNCOUNTED, most=1.02),
    ]
    charts = [series[name] for name in ("a doorbell alone", "a message",
                                        "smp_call_function_single_async()",
                                        "a message within a kernel",
                                        "smp_call_function_single(), waiting",
                                        "a call and its reply")]
    curves = [Curve("Messages a second, of bursts to an idle CPU", "messages",
                    [(n, series[f"a burst of {n}"]) for n in BURSTS]),
              Curve("A message to an idle CPU, in one kernel", "peers, one of them active",
                    [(n, series[many(n)]) for n in PEERS]),
              Curve("Time to dispatch a message", "types registered",
                    [(n, series[types(n)]) for n in TYPES])]
    return Part("Between kernels", where, comparisons, charts, curves)


def measure(machine, number, where):
    machine.command("mount -t debugfs debugfs /sys/kernel/debug 2> /dev/null; true")
    machine.command(spawn(BARE, image=f"{mk.IMAGE}-bare"), 120)
    part = compare(*rounds(machine, number), f"{where}, the sender's CPU and the"
                   f" receiver's apart; {FINER} times as many rounds")
    machine.command(f"mk stop {BARE}")
    machine.pin(anywhere())
    return part


KERNEL, BARE_KERNEL = (os.path.join(mk.BUILD, flavour, mk.MACHINE.image)
                       for flavour in ("bench", "bare"))
