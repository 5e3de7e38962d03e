# SPDX-License-Identifier: GPL-2.0
"""Instructions of kernels, counted by QEMU: the same each time, however busy the machine is."""

import bench_kernel as kernel
import machine as mk
from measure import Part, Series

# Instance N runs the Nth of them
IMAGES = dict(enumerate(kernel.IMAGES.items(), 1))
# Of a microsecond, in which there are a thousand instructions, as a kernel measures them
CYCLES = range(990, 1011)


def ask(machine, test, argument):
    cycles, samples = kernel.ask(machine, test, kernel.SAMPLES, argument)
    if cycles not in CYCLES:
        raise mk.MachineError(f"a microsecond has {cycles} cycles: they are no instructions")
    return samples


def measure(machine, where):
    kernel.prepare(machine)
    for n, (_, image) in IMAGES.items():
        machine.command(kernel.spawn_alone(n, image), 300)
    found = {name: kernel.loop(machine, n)[1] for n, (name, _) in IMAGES.items()}
    for name, test, argument, per in (
            (kernel.types(1), "dispatch", 1, kernel.FINDS),
            (kernel.types(4080), "dispatch", 4080, kernel.FINDS),
            (kernel.EACH, "each", 4080, kernel.FINDS),
            (kernel.many(1), "peers", 1, 1),
            (kernel.many(63), "peers", 63, 1)):
        found[name] = [sample / per for sample in ask(machine, test, argument)]
    series = {name: Series(name, "instructions", [samples]) for name, samples in found.items()}
    return Part("Instructions of kernels, by QEMU", where, kernel.costs(series))
