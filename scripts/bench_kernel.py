# SPDX-License-Identifier: GPL-2.0
"""Messages in kernels, beside the interrupts and copies that they are made of."""

import os

import machine as mk
from measure import Comparison, Curve, Part, Series

# In each round
SAMPLES = 40
STREAM = 20_000
LARGE = 200
DISPATCHES = 100
BURSTS, BURST_SAMPLES = (1, 4, 16, 64, 256, 1024), 10
TYPES = (1, 16, 256, 4080)

# By name: what multikernel/bench is told, behind the peer, and what of its answer is the figure
FILE = "/sys/kernel/debug/multikernel/bench"


def run(machine, test, count, argument=0):
    """Its samples, in nanoseconds."""
    said = machine.command(f"echo {test} 1 {count} {argument} > {FILE} && cat {FILE}", 120)
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


def burst(length):
    """Messages a second"""
    def measure(machine):
        cycles, samples = run(machine, "burst", BURST_SAMPLES, length)
        return [length * cycles * 1e6 / sample for sample in samples]
    return measure


def types(number):
    return "one type" if number == 1 else f"{number} types"


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
    } | {types(n): (dispatch(n), "ns") for n in TYPES} | {
        f"a burst of {n}": (burst(n), "messages/s") for n in BURSTS}


def rounds(machine, number):
    measures = tests()
    found = {name: [] for name in measures}
    for n in range(number):
        for name, (measure, _) in measures.items():
            found[name].append(measure(machine))
        print(f"      in kernels: round {n + 1} of {number}", flush=True)
    series = {name: Series(name, unit, found[name]) for name, (_, unit) in measures.items()}
    doorbells = Series("doorbells for each message", "", measures["a stream"][0].doorbells)
    return series, doorbells


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
        beside("messages of 64 KiB", "messages of 64 KiB", "memcpy() there and back", least=0.5),
    ]
    charts = [series[name] for name in ("a doorbell alone", "a message",
                                        "smp_call_function_single_async()",
                                        "a message within a kernel",
                                        "smp_call_function_single(), waiting",
                                        "a call and its reply")]
    curves = [Curve("Messages a second, of bursts to an idle CPU", "messages",
                    [(n, series[f"a burst of {n}"]) for n in BURSTS]),
              Curve("Time to dispatch a message", "types registered",
                    [(n, series[types(n)]) for n in TYPES])]
    return Part("Between kernels", where, comparisons, charts, curves)


def measure(machine, number, where):
    machine.command("mount -t debugfs debugfs /sys/kernel/debug 2> /dev/null; true")
    return compare(*rounds(machine, number), where)


KERNEL = os.path.join(mk.BUILD, "bench", mk.MACHINE.image)
