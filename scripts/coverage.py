#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run the tests in kernels that count which code is run: coverage.py [PART...]

Parts: kunit, exchange, lifecycle, messages, console, scale, device, alone, storm, doorbells;
or report, which only looks at what was counted last. All of them without an argument. What is not
covered has its reason in tools/testing/multikernel/uncovered.
"""

import importlib.machinery
import importlib.util
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import gcov  # noqa: E402
import machine as mk  # noqa: E402
import tests  # noqa: E402

OUT = os.path.join(mk.BUILD, "coverage")
KERNEL = os.path.join(OUT, mk.MACHINE.image)
DATA = os.path.join(OUT, "data")
REASONS = os.path.join("tools", "testing", "multikernel", "uncovered")
FOLDERS = (os.path.join("kernel", "multikernel"), os.path.join("arch", "x86", "multikernel"))
FAULTS = ("storm", "doorbells")
MACHINES = ("exchange", "lifecycle", "messages", "console", "scale", "device", "alone") + FAULTS
LIMITS = {"lines": 95, "branches": 85}
KUNIT_SECONDS = 600
NOT_RUN = "not run"


def load(name):
    """A script of this folder as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(mk.TOP, "scripts", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def backed(line, path):
    """QEMU's command line, with the machine's RAM in a file."""
    line = list(line)
    line[line.index("pc")] = "pc,memory-backend=ram"
    size = line[line.index("-m") + 1]
    return line + ["-object", f"memory-backend-file,id=ram,share=on,size={size},mem-path={path}"]


class Watched(mk.Machine):
    """A machine whose kernels' counters are read before the kernels are lost."""

    image = None
    lives = None		# of all machines

    def __init__(self, out, instances, _=None, accel="tcg", cpu=None, timeout=240, append="",
                 **more):
        super().__init__(out, instances, KERNEL, accel, cpu, 2 * timeout, append,
                         **more)
        self.ram = os.path.join(out, "memory")
        self.mine = gcov.Lives()
        self.guests = []

    def command_line(self, mode):
        return backed(super().command_line(mode), self.ram)

    def boot(self):
        self.gather()
        super().boot()

    def write_line(self, line):
        if re.search(r"\b(mk stop|poweroff)\b", line):
            status, text = self.try_command("mk ls --json")
            said = [] if status else json.loads(text)
            self.guests = [info["ram_base"] for info in said if info["ram_base"]]
            # Nothing moves meanwhile
            os.killpg(self.process.pid, signal.SIGSTOP)
            try:
                self.look()
            finally:
                os.killpg(self.process.pid, signal.SIGCONT)
        super().write_line(line)

    def look(self):
        with gcov.Memory(self.ram, self.image) as memory:
            bases = [gcov.HOST_BASE] + [memory.guest_base(ram) for ram in self.guests]
            for base in bases:
                if base:
                    self.mine.see(base, memory.objects(base))

    def gather(self):
        """All that there is left of a machine that has ended."""
        if self.process and os.path.exists(self.ram):
            self.look()
            self.lives.add_all(self.mine.all())
        self.mine, self.guests = gcov.Lives(), []
        if os.path.exists(self.ram):
            os.unlink(self.ram)

    def kill(self):
        super().kill()
        self.gather()


def run_kunit(image):
    """All suites, at boot: their counters, and whether all have passed."""
    ram, log = os.path.join(OUT, "memory"), os.path.join(OUT, "kunit.log")
    parsed = os.path.join(OUT, "kunit.json")
    for path in (ram, log, parsed):
        if os.path.exists(path):
            os.unlink(path)
    line = ["timeout", "-k", "5", str(KUNIT_SECONDS), mk.MACHINE.qemu, "-M", "pc", "-cpu", "qemu64",
            "-accel", "tcg,thread=multi", "-smp", "4", "-m", "1G", "-nodefaults",
            "-display", "none", "-no-reboot", "-kernel", KERNEL,
            "-append", "console=ttyS0,115200 panic=-1 kunit.enable=1 kunit_shutdown=poweroff",
            "-serial", f"file:{log}"]
    status = mk.call(backed(line, ram), stdin=subprocess.DEVNULL)
    lives = gcov.Lives()
    with gcov.Memory(ram, image) as memory:
        lives.add(memory.objects(gcov.HOST_BASE), 1)
    os.unlink(ram)
    kunit = os.path.join(mk.TREE, "tools", "testing", "kunit", "kunit.py")
    mk.call([kunit, "parse", f"--json={parsed}", log], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
    bad = mk.call([os.path.join(mk.TOP, "scripts", "kunit-results"), parsed, log,
                   os.environ.get("RESULTS", os.devnull)])
    return lives, not (status or bad)


def run_machine(name, image):
    """A group of vmtest: the same."""
    Watched.image, Watched.lives = image, gcov.Lives()
    mk.Machine = Watched
    if name == "exchange":
        run = load("run")
        sys.argv = ["run", "--count", "2000", "--messages", "20000", "--instances", "3",
                    "--out", os.path.join(OUT, "exchange")]
        bad = run.main()
    else:
        tests.OUT = OUT
        script = "faults" if name in FAULTS else "vmtest"
        sys.argv = [script, name]
        bad = load(script).main()
    return Watched.lives, not bad


class Reason:
    """Why some lines of a function are not covered: an entry of the list."""

    def __init__(self, text):
        first, *rest = text.splitlines()
        self.file, _, self.function = first.partition(": ")
        self.lines = [line.strip() for line in rest if line.startswith("\t")]
        self.text = " ".join(line.strip() for line in rest if not line.startswith("\t"))
        if not self.function or not self.lines or not self.text:
            sys.exit(f"coverage: {REASONS}: an entry without function, code or reason: {first}")

    def apply(self, sources, files, given):
        """Give the reason to all lines of the function that it means. Return what is wrong."""
        for code in self.lines:
            meant = [(self.file, number) for number, line in files.get(self.file, {}).items()
                     if line.function == self.function and
                     sources[self.file][number - 1].strip() == code]
            missed = [place for place in meant if not files[self.file][place[1]].covered()]
            if not meant:
                yield f"{self.file}: {self.function}: there is no line `{code}`"
            elif not missed and not self.text.startswith("Chance:"):
                yield f"{self.file}: {self.function}: `{code}` is covered after all"
            given.update((place, self.text) for place in missed)


def read_reasons():
    with open(os.path.join(mk.TOP, REASONS)) as file:
        text = re.sub(r"^#.*\n", "", file.read(), flags=re.MULTILINE)
    return [Reason(entry.strip("\n")) for entry in re.split(r"\n\s*\n", text) if entry.strip()]


def percent(part, whole):
    return 100 * part / whole if whole else 100


class Report:
    """What is covered, and why the rest is not."""

    def __init__(self, files, reasons):
        self.files = files
        self.sources = {}
        for name in files:
            with open(os.path.join(mk.TOP, name)) as source:
                self.sources[name] = source.read().splitlines()
        self.given = {}
        self.wrong = [wrong for reason in reasons
                      for wrong in reason.apply(self.sources, files, self.given)]

    def counts(self, names):
        lines = [line for name in names for line in self.files[name].values()]
        return {"lines": [sum(line.count > 0 for line in lines), len(lines)],
                "branches": [sum(len(line.branches) - line.missed() for line in lines),
                             sum(len(line.branches) for line in lines)]}

    def total(self):
        return self.counts(self.files)

    def below(self):
        """The limits that are not reached, as text."""
        total = self.total()
        return [f"{percent(*total[what]):.1f} % of {what}, at least {limit} % are asked for"
                for what, limit in LIMITS.items() if percent(*total[what]) < limit]

    def table(self):
        rows = [(name, self.counts([name])) for name in sorted(self.files)]
        width = max(len(name) for name, _ in rows)
        text = [f"{'file':{width}}{'lines':>17}{'branches':>19}"]
        for name, counts in rows + [("total", self.total())]:
            text.append(f"{name:{width}}" + "".join(
                f"  {f'{done} of {whole}':>11}{percent(done, whole):6.1f}"
                for done, whole in counts.values()))
        return "\n".join(text)

    def uncovered(self):
        """Places that are not covered, with what is missing there, code and reason."""
        for name, lines in sorted(self.files.items()):
            for number, line in sorted(lines.items()):
                if line.covered():
                    continue
                what = NOT_RUN if not line.count else \
                    f"{line.missed()} of {len(line.branches)} branches"
                yield {"file": name, "line": number, "function": line.function, "missed": what,
                       "code": self.sources[name][number - 1].strip(),
                       "why": self.given.get((name, number), "")}

    def listing(self):
        function = why = None
        for place in self.uncovered():
            if function != (place["file"], place["function"]):
                function, why = (place["file"], place["function"]), None
                yield f"\n{place['file']}: {place['function']}"
            yield f"    {place['line']:4}  {place['missed']:18}{place['code']}"
            if place["why"] != why:
                why = place["why"]
                if why or place["missed"] == NOT_RUN:
                    yield f"          {why or 'NO REASON GIVEN'}"


def has_data(parts):
    return any(os.path.exists(os.path.join(DATA, part)) for part in parts)


def read_data(image, parts):
    """The coverage of these parts together."""
    lives = gcov.Lives()
    for part in parts:
        path = os.path.join(DATA, part)
        if os.path.exists(path):
            with open(path, "rb") as file:
                lives.add_all(pickle.load(file))
    return gcov.coverage(lives, image, FOLDERS, os.path.join(DATA, "gcov")), lives.count


def controls(image, report, reasons):
    """Deliberate mistakes: their names, and whether each was seen."""
    for name, parts in (("without the KUnit suites", MACHINES), ("without machines", ("kunit",))):
        if not has_data(parts):
            continue
        yield name, bool(Report(read_data(image, parts)[0], []).below())
    covered = next((name, line.function, report.sources[name][number - 1].strip())
                   for name, lines in sorted(report.files.items())
                   for number, line in sorted(lines.items()) if line.covered())
    for name, code in (("a reason for what is not there", "no such line;"),
                       ("a reason for what is covered", covered[2])):
        wrong = Reason(f"{covered[0]}: {covered[1]}\n\t{code}\nSo it is.")
        yield name, len(Report(report.files, reasons + [wrong]).wrong) > len(report.wrong)


def show(image, results):
    parts = ("kunit",) + MACHINES
    if not has_data(parts):
        sys.exit("coverage: nothing has been counted yet")
    files, kernels = read_data(image, parts)
    reasons = read_reasons()
    report = Report(files, reasons)
    total = report.total()
    said = "\n".join(report.listing())
    with open(os.path.join(OUT, "uncovered.txt"), "w") as file:
        file.write(said.lstrip() + "\n")
    gcov.write_trace(os.path.join(DATA, "trace.json"), files)
    html = os.path.join(OUT, "html")
    os.makedirs(html, exist_ok=True)
    bad = mk.call(["gcovr", "--root", mk.TOP, "--add-tracefile", os.path.join(DATA, "trace.json"),
                   "--html-details", os.path.join(html, "index.html"), "--html-title",
                   "mk_ipi: coverage"], stdout=subprocess.DEVNULL)
    print(said)
    print(f"\n{report.table()}\n")
    print(f"counted in {kernels} kernels; HTML: {mk.shown(html)}/index.html")
    results.add("fail" if bad else "pass", "html")
    for what, (done, whole) in total.items():
        low = percent(done, whole) < LIMITS[what]
        results.add("fail" if low else "pass", what,
                    f"{percent(done, whole):.1f} %, at least {LIMITS[what]} %")
    results.add("fail" if report.wrong else "pass", "the list of reasons",
                "; ".join(report.wrong) or f"{len(reasons)} entries")
    missing = [place for place in report.uncovered()
               if place["missed"] == NOT_RUN and not place["why"]]
    results.add("fail" if missing else "pass", "each line that is not run has a reason",
                f"{len(missing)} lines have none" if missing else "")
    for name, seen in controls(image, report, reasons):
        results.add("pass" if seen else "fail", f"control: {name}",
                    "" if seen else "was not found")
    summary = {"ok": not results.failed, "limits": LIMITS, "kernels": kernels,
               "total": total, "files": {name: report.counts([name]) for name in sorted(files)},
               "uncovered": list(report.uncovered()), "wrong": report.wrong}
    with open(os.path.join(OUT, "summary.json"), "w") as file:
        json.dump(summary, file, indent=1)
        file.write("\n")


def main():
    parts = sys.argv[1:] or ["kunit", *MACHINES]
    results = tests.Results("coverage")
    mk.exit_on_term()
    os.makedirs(DATA, exist_ok=True)
    image = gcov.Image(OUT)
    if not sys.argv[1:]:
        for name in os.listdir(DATA):
            path = os.path.join(DATA, name)
            if os.path.isfile(path):
                os.unlink(path)
    for part in parts:
        if part == "report":
            continue
        if part != "kunit" and part not in MACHINES:
            print(f"coverage: no part {part}: kunit, {', '.join(MACHINES)}, report",
                  file=sys.stderr)
            return 2
        began = time.monotonic()
        print(f"== {part}", flush=True)
        lives, good = run_kunit(image) if part == "kunit" else run_machine(part, image)
        with open(os.path.join(DATA, part), "wb") as file:
            pickle.dump(lives, file)
        print(f"== {part}: {lives.count} kernels, {time.monotonic() - began:.0f} s", flush=True)
        # Of a test that fails nobody knows what it has shown
        results.add("pass" if good else "fail", f"the tests of {part}")
    show(image, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except gcov.GcovError as error:
        sys.exit(f"coverage: {error}")
    except KeyboardInterrupt:
        sys.exit("coverage: interrupted")
