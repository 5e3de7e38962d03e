# SPDX-License-Identifier: GPL-2.0
"""Messages in kernels, beside the interrupts and copies that they are made of."""

import os

import machine as mk
import network
from measure import Comparison, Curve, Part, Series

# The host has two CPUs, and two instances one each. The second runs now the same kernel as the
# others, now one that has counters and tracepoints compiled out
HOST, TURNS = 2, 2
CPUS = HOST + 2
IMAGES = {"a message to oneself": mk.IMAGE,
          "a message to oneself, uncounted": f"{mk.IMAGE}-bare"}
# Rounds for each that is asked for: short ones, since a machine that has others beside it is
# fast and slow in turns
FINER = 5
# In each round
SAMPLES = 20
STREAM = 20_000
LARGE = 100
# How often as many times as this a handler is looked for
DISPATCHES, FINDS = 50, 64
BURSTS, BURST_SAMPLES = (1, 4, 16, 64, 256, 1024), 5
TYPES = (1, 16, 256, 4080)
PEERS = (1, 3, 15, 63)
# Where that many instances of the host itself share memory, and the option that reserves it
RESERVE = "reserve_mem=20M:64K:bench"
LOOPS, BATCH = 200, 32
# How long a caller looks for the answer before it sleeps: by default not as long as emulated
# interrupts there and back take
POLL, POLL_US = "/sys/module/multikernel/parameters/poll_us", 500

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


def ask(machine, test, count, argument=0, peer=1):
    """A microsecond in cycles, and the samples."""
    said = machine.command(f"taskset 1 sh -c 'echo {test} {peer} {count} {argument} > {FILE}' &&"
                           f" cat {FILE}", 120)
    cycles, *samples = (int(line) for line in said.split())
    return cycles, samples


def run(machine, test, count, argument=0):
    """The same, where it is to run."""
    machine.pin(places(together=test == "stream"))
    return ask(machine, test, count, argument)


def latency(test, argument=0):
    def measure(machine):
        cycles, samples = run(machine, test, SAMPLES, argument)
        return [sample * 1000 / cycles for sample in samples]
    return measure


def call(machine):
    """Of who is awake when the answer comes, unless that takes long"""
    usual = machine.command(f"cat {POLL}")
    if machine.accel == "tcg":
        machine.command(f"echo {POLL_US} > {POLL}")
    found = latency("call")(machine)
    machine.command(f"echo {usual} > {POLL}")
    return found


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


def dispatch(types, test="dispatch"):
    def measure(machine):
        run(machine, test, 1, types)    # until all of it has been translated
        cycles, samples = run(machine, test, DISPATCHES, types)
        return [sample * 1000 / cycles / FINDS for sample in samples]
    return measure


def peers(number):
    def measure(machine):
        cycles, samples = run(machine, "peers", SAMPLES, number)
        return [sample * 1000 / cycles for sample in samples]
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


EACH = "each of 4080 types"


def tests():
    return {
        "a doorbell alone": (latency("doorbell"), "ns"),
        "a message": (latency("message"), "ns"),
        "smp_call_function_single_async()": (latency("ipi"), "ns"),
        "a message within a kernel": (latency("self"), "ns"),
        "smp_call_function_single(), waiting": (latency("ipi", 1), "ns"),
        "a call and its reply": (call, "ns"),
        "a call and its reply, by default": (latency("call"), "ns"),
        "a doorbell for each message": (rate(0), "messages/s"),
        "a stream": (rate(1), "messages/s"),
        "a stream of two CPUs": (rate(2), "messages/s"),
        "memcpy() there and back": (bandwidth(0), "MB/s"),
        "messages of 64 KiB": (bandwidth(1), "MB/s"),
        EACH: (dispatch(4080, "each"), "ns"),
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


def loop(machine, peer):
    """A microsecond in cycles, and what each message to itself takes an instance."""
    ask(machine, "loop", LOOPS, peer=peer)    # until all of it has been translated
    cycles, samples = ask(machine, "loop", LOOPS, peer=peer)
    return cycles, [sample / BATCH for sample in samples]


def spawn_alone(n, image):
    """With a CPU of its own, and nothing to do"""
    return mk.spawn_command(n, cpus=(HOST - 1 + n,), image=image)


def turns(machine, number):
    """
    Messages to oneself by one kernel and the other, which run in the same place: an emulated
    CPU is faster or slower than the next by more than what is looked for. So is an emulator
    with what it has translated, from boot to boot.
    """
    found = {name: [] for name in IMAGES}
    for n in range(number * FINER):
        for name in sorted(IMAGES, reverse=n % 2):
            machine.command(spawn_alone(TURNS, IMAGES[name]), 120)
            machine.pin(places(together=False))
            cycles, samples = loop(machine, TURNS)
            found[name].append([sample * 1000 / cycles for sample in samples])
            machine.command(f"mk stop {TURNS}")
        print(f"      in kernels that take turns: round {n + 1} of {number * FINER}", flush=True)
    return {name: Series(name, "ns", found[name]) for name in IMAGES}


def spawn(n):
    """One to be measured; with RAM, since TCP's window goes by it."""
    return mk.spawn_command(n, network.SERVE, cpus=(HOST - 1 + n,), ram="384M",
                            archive=mk.TOOLS)


def comparer(series):
    def beside(what, name, other, **goal):
        return Comparison(what, series[name], series[other], **goal)
    return beside


def costs(series):
    """What is compared by time, and by instructions, too"""
    beside = comparer(series)
    return [
        beside("dispatch with 4080 types, one of them used", types(4080), types(1), most=1.05),
        beside("dispatch with 4080 types, each in turn", EACH, types(1)),
        beside("63 peers, one of them active", many(63), many(1), most=1.10),
        beside("statistics and tracepoints", *IMAGES, most=1.02),
    ]


def compare(series, doorbells, where):
    beside = comparer(series)
    one = Series("a message", "", [[1]] * len(doorbells.rounds))
    comparisons = [
        beside("a message to an idle CPU of another kernel", "a message", "a doorbell alone",
               most=1.10),
        beside("a message to a CPU of the same kernel", "a message within a kernel",
               "smp_call_function_single_async()", most=1),
        beside("a call to another kernel", "a call and its reply",
               "smp_call_function_single(), waiting", most=1.5),
        beside("a call that sleeps sooner, as by default", "a call and its reply, by default",
               "smp_call_function_single(), waiting"),
        beside("streaming messages of 64 bytes", "a stream", "a doorbell for each message",
               least=10),
        Comparison("doorbells of the stream", doorbells, one, most=0.02),
        beside("two sending CPUs", "a stream of two CPUs", "a stream", least=0.95),
        beside("messages of 64 KiB", "messages of 64 KiB", "memcpy() there and back", least=0.5),
    ] + costs(series)
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


def prepare(machine):
    machine.command("mount -t debugfs debugfs /sys/kernel/debug 2> /dev/null; true")


def measure(machine, number, where):
    prepare(machine)
    series, doorbells = rounds(machine, number)
    part = compare(series | turns(machine, number), doorbells, f"{where}, the sender's CPU and"
                   " the receiver's apart")
    machine.pin(anywhere())
    return part


KERNEL, BARE_KERNEL = (os.path.join(mk.BUILD, flavour, mk.MACHINE.image)
                       for flavour in ("bench", "bare"))
