# SPDX-License-Identifier: GPL-2.0
"""One QEMU machine with several kernels, conducted over its serial line."""

import functools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import typing

# What runs, as in scripts/common.sh
ARCH = os.environ.get("ARCH") or "x86_64"
VERSION = os.environ.get("KERNEL") or "6.12"
# Which kernel: a folder that scripts/kernel has built
FLAVOUR = os.environ.get("FLAVOUR") or "kernel"
WHERE = f"Linux {VERSION}, {ARCH}"


class Arch(typing.NamedTuple):
    """What there is of a machine before it has kernels."""

    qemu: str		# runs it
    package: str	# has that
    options: tuple
    cpu: str		# under emulation
    append: str		# the same: on the host's command line
    console: str	# of the host
    image: str		# what is booted, in a build folder
    tested: str		# the flavour that make test runs: one without a network is built sooner


# On x86 each CPU would measure how fast it is, and all spin while the clock is changed: with
# sixteen of them on two real ones that is most of a boot. The first is right for a TSC of 2 GHz
# and 250 Hz; with another one what is waited for by busy loops is so much shorter or longer.
ARCHS = {
    "x86_64": Arch("qemu-system-x86_64", "qemu-system-x86", ("-M", "pc"), "qemu64",
                   "lpj=8000000 tsc=reliable", "ttyS0,115200", "arch/x86/boot/bzImage",
                   "kernel"),
    "arm64": Arch("qemu-system-aarch64", "qemu-system-arm", ("-M", "virt,gic-version=3"),
                  "cortex-a57", "", "ttyAMA0", "arch/arm64/boot/Image",
                  "lean"),
}
if ARCH not in ARCHS:
    sys.exit(f"ARCH={ARCH}: ARCH may be {' or '.join(ARCHS)}")
MACHINE = ARCHS[ARCH]

# What runs its instructions. With the last, its clock counts them, each as a nanosecond, and goes
# on to the next timer when all CPUs are idle
ACCELS = {
    "kvm": ("-accel", "kvm"),
    "tcg": ("-accel", "tcg,thread=multi"),
    "icount": ("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"),
}

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILDS = os.path.join(TOP, "build")
TREE = os.path.join(BUILDS, f"linux-{VERSION}")
BUILD = os.path.join(BUILDS, f"{VERSION}-{ARCH}")
# How many times as long as usual everything may take
PATIENCE = int(os.environ.get("PATIENCE") or 1)
VERSIONS = sorted(os.listdir(os.path.join(TOP, "patches")))

HOST_CPUS = 2
# CPUs lent to each instance, by number, of up to three; one has more than one
LENT_CPUS = {1: (2, 3), 2: (4,), 3: (5,)}
FEW_INSTANCES = len(LENT_CPUS)
# How many are tried, and with how many CPUs their machine is content
MAX_INSTANCES = 15
MANY_CPUS = 16
# The machine's RAM, how much of it is for the region and for instances, and one's share
MEMORY, RESERVED, RAM = "1G", "512M", "96M"
ARCHIVE = "/boot/guest.cpio"
# The same with iperf3 and the like
TOOLS = "/boot/guest-tools.cpio"
IMAGE = "/boot/" + os.path.basename(MACHINE.image)
SHOWN_LINES = 15
# The row of /proc/interrupts: named as on x86, or as interrupts are that a driver has
ROW = "grep -E 'MKI:|multikernel$' /proc/interrupts"

# Bytes of the longest text that a pattern matches
LONGEST_MATCH = 4096
# What the init of an instance says, once a second
ALIVE = re.compile(r"^mk: alive (\d+) uptime (\S+)((?: [A-Z]+ \d+)*) (MKI: .*\S)\s*\n",
                   re.MULTILINE)


def built(version, flavour):
    """Where a kernel of that version is, if it was built."""
    return os.path.join(BUILDS, f"{version}-{ARCH}", flavour, MACHINE.image)


def mixed_flavour(version, arch=ARCH):
    """In machines with several versions: small, but of the first one, which is tested anyway."""
    return ARCHS[arch].tested if version == VERSIONS[0] else "small"


KERNEL = built(VERSION, FLAVOUR)


@functools.cache
def make_initramfs(kernel, folder, images):
    """Have it be up to date; a process looks once."""
    command = [os.path.join(TOP, "scripts", "initramfs"), kernel, folder]
    if call(command + [f"{name}={image}" for name, image in images]):
        raise MachineError("the initramfs could not be built")


def initramfs_folder(kernel, out, images):
    """Beside the kernel, if that is one of ours: machines with the same kernels share it."""
    path = os.path.abspath(kernel)
    above = path.removesuffix(f"/{MACHINE.image}")
    if above != path and above.startswith(BUILDS + os.sep):
        return "-".join([above, "initramfs", *images])
    return os.path.join(out, "initramfs")


class MachineError(Exception):
    """The machine cannot be conducted any further."""


class CommandError(Exception):
    """A command on the host failed."""


def shown(path):
    return os.path.relpath(path)


def cpu_list(cpus):
    return ",".join(str(cpu) for cpu in cpus)


def lent_cpus(instances):
    """The same of any number of them: of more than three each has one CPU."""
    if instances <= FEW_INSTANCES:
        return {n: LENT_CPUS[n] for n in range(1, instances + 1)}
    host = max(1, min(HOST_CPUS, MANY_CPUS - instances))
    return {n: (host - 1 + n,) for n in range(1, instances + 1)}


def memory_for(instances):
    """What of a machine grows with them: RAM, what is reserved of it, and how it is parted."""
    if instances <= FEW_INSTANCES:
        return {}
    # A host with two CPUs has two rings of each kind to every other kernel: in KiB, what an
    # arena begins with, and these, with as many slots as they have by default
    arena = 200 + 2 * (16 + 128 + 16) * (instances + 1)
    # Each arena, and what comes behind the region, begins at a boundary
    reserved = (instances + 1) * (arena + 64) // 1024 + 4 + instances * int(RAM[:-1])
    return {"memory": f"{512 + reserved}M", "reserved": f"{reserved}M",
            "append": f"multikernel.instances={instances + 1} multikernel.arena={arena}"}


def spawn_command(instance, cmdline="", cpus=None, ram=RAM, image=IMAGE, archive=ARCHIVE):
    line = (f"mk spawn --offline --cpu {cpu_list(cpus or LENT_CPUS[instance])} --ram {ram}"
            f" --instance {instance} --initrd {archive} {image}")
    return f"{line} --cmdline '{cmdline}'" if cmdline else line


def exit_on_term():
    """Let SIGTERM and SIGHUP unwind the stack, so that no machine is left running."""
    def leave(number, _):
        signal.signal(number, signal.SIG_IGN)
        sys.exit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)


def call(command, **more):
    """The exit status of a command, which has ended even if we are told to end."""
    with subprocess.Popen(command, **more) as child:
        try:
            return child.wait()
        except BaseException as why:
            # Ctrl-C has reached it, too
            if not isinstance(why, KeyboardInterrupt):
                child.terminate()
            child.wait()
            raise


class Machine:
    """With it as a context, QEMU has always ended when the context does."""

    def __init__(self, out, instances, kernel=KERNEL, accel="tcg", cpu=None, timeout=240,
                 append="", memory=MEMORY, reserved=RESERVED, cpus=None, patience=PATIENCE,
                 images=None):
        self.out = out
        self.instances = instances
        self.kernel = kernel
        # Further images, by name: IMAGE-NAME each
        self.images = images or {}
        # The folder with what they unpack
        self.initramfs = initramfs_folder(kernel, out, self.images)
        self.accel = accel
        self.cpu = cpu or ("host" if accel == "kvm" else MACHINE.cpu)
        self.append = append
        self.memory = memory
        self.reserved = reserved
        # The host's come first, and there are none after those of the last instance
        self.cpus = cpus or max(lent_cpus(instances).get(instances, (HOST_CPUS - 1,))) + 1
        self.patience = patience
        self.timeout = timeout * patience
        self.deadline = None
        self.process = None
        self.received = b""
        # A command is under way, or was never finished
        self.busy = False
        # How much of each instance's console has been read
        self.positions = {}
        self.log = os.path.join(out, "host.log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.fetch_all()
        self.kill()

    def prepare(self):
        """Build what is loaded, and check that there is a QEMU."""
        if not shutil.which(MACHINE.qemu):
            raise MachineError(f"QEMU is missing: install {MACHINE.package} ({MACHINE.qemu})")
        os.makedirs(self.out, exist_ok=True)
        make_initramfs(self.kernel, self.initramfs, tuple(self.images.items()))

    def command_line(self, mode):
        accel, emulated = ACCELS[self.accel], "" if self.accel == "kvm" else MACHINE.append
        reserve = f"reserve_mem={self.reserved}:2M:multikernel" if self.reserved else ""
        append = (f"console={MACHINE.console} panic=-1 {reserve} mk_mode={mode}"
                  f" {emulated} {self.append}")
        typed = mode != "lines"
        mux = "on" if typed else "off"
        line = [MACHINE.qemu, *MACHINE.options, "-cpu", self.cpu, *accel, "-smp", str(self.cpus),
                "-m", self.memory, "-nodefaults", "-display", "none", "-no-reboot",
                "-name", "mk,debug-threads=on",
                "-kernel", self.kernel, "-initrd", os.path.join(self.initramfs, "host.cpio"),
                "-append", append.strip(),
                "-chardev", f"stdio,id=host,signal=off,mux={mux},logfile={self.log}",
                "-serial", "chardev:host"]
        if typed:
            line += ["-mon", "chardev=host"]
        return line

    def instance_log(self, n):
        return os.path.join(self.out, f"instance-{n}.log")

    def logs(self):
        return [self.log] + [self.instance_log(n) for n in range(1, self.instances + 1)]

    def clear_logs(self):
        self.positions = {}
        for path in [self.log] + [self.instance_log(n) for n in range(1, MAX_INSTANCES + 1)]:
            if os.path.exists(path):
                os.unlink(path)

    def shell(self, mode="shell"):
        """The host's console on this terminal, until the machine ends."""
        self.clear_logs()
        size = os.get_terminal_size()
        self.append += f" mk_rows={size.lines} mk_columns={size.columns}"
        # What mk top, for one, may draw with
        names = [os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")]
        if "UTF-8" in next(filter(None, names), "").upper():
            self.append += " LANG=C.UTF-8"
        if mode == "demo":
            self.append += " mk_net=10.77.0 quiet"
        # The machine ends with its own power-off; Ctrl-C belongs to the shell in it
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.process = subprocess.Popen(self.command_line(mode))
        return self.process.wait()

    def boot(self, seconds=90):
        """Start it: what the host's console said until its init was there."""
        self.clear_logs()
        self.deadline = time.monotonic() + self.timeout
        self.busy = True
        # A time limit of its own, should this be killed and not get to end it. A
        # session of its own: Ctrl-C is for us, who then end it.
        limit = ["timeout", "-k", "5", str(self.timeout + 30)]
        self.process = subprocess.Popen(limit + self.command_line("lines"),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True)
        text, _ = self.read_until(rb"^mk: ready\r?\n", seconds, "the host kernel did not boot")
        self.busy = False
        return text

    def read_until(self, pattern, seconds, what):
        """What the console said up to a line that matches, and the match."""
        seconds = max(0, min(seconds * self.patience, self.deadline - time.monotonic()))
        end = time.monotonic() + seconds
        pattern = re.compile(pattern, re.MULTILINE)
        looked = 0
        while True:
            match = pattern.search(self.received, looked)
            # It comes in small pieces, and what is looked for is a few lines
            looked = max(0, len(self.received) - LONGEST_MATCH)
            if match:
                text = self.received[:match.start()]
                self.received = self.received[match.end():]
                return text.decode(errors="replace").replace("\r", ""), match
            left = end - time.monotonic()
            if left <= 0:
                raise MachineError(f"{what} within {seconds:.0f} s")
            if select.select([self.process.stdout], [], [], left)[0]:
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    raise MachineError(f"{what}: {self.why_ended()}")
                self.received += data

    def why_ended(self):
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            return "QEMU has closed the console, but did not end"
        said = self.process.stderr.read().decode(errors="replace").strip()
        last = said.splitlines()[-1] if said else "the machine was reset or powered off"
        return f"QEMU ended with status {self.process.returncode}: {last}"

    def pin(self, places):
        """Have each emulated CPU run on those of ours that it is given, by number."""
        qemu = self.process.pid
        try:
            with open(f"/proc/{qemu}/task/{qemu}/children") as file:
                tasks = f"/proc/{file.read().split()[0]}/task"
        except (OSError, IndexError) as why:
            raise MachineError("where QEMU's threads run can't be set: is it running, and does"
                               f" this kernel have CONFIG_PROC_CHILDREN? {why}") from None
        for task in os.listdir(tasks):
            try:
                with open(f"{tasks}/{task}/comm") as file:
                    found = re.match(r"CPU (\d+)/", file.read())
            except FileNotFoundError:
                continue    # a helper of QEMU's, which has ended
            if found and int(found.group(1)) in places:
                os.sched_setaffinity(int(task), places[int(found.group(1))])

    def write_line(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise MachineError(f"`{line}`: {self.why_ended()}") from None

    def try_command(self, line, seconds=90):
        """Run a line on the host: its exit status and what it printed."""
        self.write_line(line)
        return self.finish(line, seconds)

    def finish(self, line, seconds):
        """The rest of it, for a line that was written already."""
        self.busy = True
        text, match = self.read_until(rb"^mk: status (\d+)\r?\n", seconds,
                                      f"the host did not finish `{line}`")
        self.busy = False
        return int(match.group(1)), text.strip()

    def command(self, line, seconds=90):
        """The same, for a line that is expected to succeed: what it printed."""
        status, text = self.try_command(line, seconds)
        if status:
            raise CommandError(f"`{line}`: {text or f'exit status {status}'}")
        return text

    def fetch(self, n):
        """Add to its log what an instance has said on its console since that was done last."""
        known = self.positions.get(n, 0)
        status, text = self.try_command(f"mk console {n} --history --json --from {known}", 30)
        if status:
            return      # it was never spawned
        said = json.loads(text.splitlines()[-1])
        with open(self.instance_log(n), "ab") as log:
            if said["from"] > known:
                log.write(b"\n[%d bytes were not read in time]\n" % (said["from"] - known))
            log.write(said["text"].encode("latin-1"))
        self.positions[n] = said["to"]

    def fetch_all(self):
        """The same of all, as long as the host answers."""
        if not self.process or self.process.poll() is not None:
            return
        for n in range(1, self.instances + 1):
            try:
                if not self.busy:
                    self.fetch(n)
            except (MachineError, ValueError):
                return

    def said(self, n):
        """All that an instance has said on its console."""
        self.fetch(n)
        try:
            with open(self.instance_log(n), errors="replace") as log:
                return log.read().replace("\r", "")
        except FileNotFoundError:
            return ""

    def alive(self, n):
        """What the last whole line of an instance's init said, as a dictionary."""
        text = self.said(n)
        found, at = None, len(text)
        while not found and at > 0:
            at = text.rfind("mk: alive ", 0, at)
            found = ALIVE.match(text, at) if at >= 0 else None
        if not found:
            return None
        seconds, uptime, counts, row = found.groups()
        words = counts.split()
        said = {name: int(count) for name, count in zip(words[::2], words[1::2])}
        said.update(seconds=int(seconds), uptime=float(uptime), row=row, mki=row_count(row))
        return said

    def wait_alive(self, n, seconds=30, first=None):
        """Whether an instance goes on: another line, with more timer interrupts.

        More than it said at first, if that is known.
        """
        end = min(time.monotonic() + seconds * self.patience, self.deadline)
        first = first or self.alive(n)
        while time.monotonic() < end:
            now = self.alive(n)
            if first and now and now["seconds"] > first["seconds"]:
                return now["LOC"] > first["LOC"]
            if now and (not first or now["seconds"] < first["seconds"]):
                first = now
            time.sleep(0.3)
        return False

    def cpu_seconds(self, cpu):
        """The time of this machine that the thread which is one of QEMU's CPUs has had."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            pid = file.read().split()[0]
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat") as file:
                name, fields = file.read().rsplit(")", 1)
            if f"(CPU {cpu}/" in name:
                return sum(int(ticks) for ticks in fields.split()[11:13]) / os.sysconf("SC_CLK_TCK")
        raise MachineError(f"QEMU has no thread for CPU {cpu}")

    def power_off(self):
        """End in order: QEMU's exit status, which is 0 if all is well."""
        self.fetch_all()
        self.write_line("dmesg; poweroff -f")
        self.busy = True
        end = time.monotonic() + 20 * self.patience
        while time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 1)[0]:
                if not os.read(self.process.stdout.fileno(), 65536):
                    try:
                        return self.process.wait(10)
                    except subprocess.TimeoutExpired:
                        raise MachineError("QEMU did not end") from None
        raise MachineError("the host did not power off in time")

    def kill(self):
        if not self.process or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def last_lines(self):
        """The end of each console, to be shown after a failure."""
        self.fetch_all()
        text = []
        for path in self.logs():
            text.append(f"the end of {shown(path)}:")
            if os.path.exists(path):
                with open(path, errors="replace") as log:
                    # But not what fetch() has asked for
                    lines = [line for line in log if not line.startswith('{"instance":')]
                text += ["    " + line.rstrip() for line in lines[-SHOWN_LINES:]]
            else:
                text.append("    (nothing)")
        return "\n".join(text)


def row_count(row):
    """The sum over all CPUs of a row of /proc/interrupts."""
    return sum(int(count) for count in re.match(r"\S+:((?:\s+\d+)*)", row).group(1).split())
