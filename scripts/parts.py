# SPDX-License-Identifier: GPL-2.0
"""Runs other scripts of this folder, one by one or several at once, and counts what they found."""

import concurrent.futures
import functools
import json
import os
import subprocess
import threading
import time
import typing

import machine as mk


class Part(typing.NamedTuple):
    """A script of this folder."""

    name: str
    title: str
    args: tuple = ()
    version: str = mk.VERSION	# of Linux
    arch: str = mk.ARCH
    needs: tuple = ()		# parts that have to have run
    builds: bool = False	# finds nothing, unless it fails
    flavour: str = "kernel"	# of the kernel that runs

    def where(self):
        return f"Linux {self.version}, {self.arch}"


class Tagged:
    """Calls commands from several threads; of whom a line is says the tag before it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.children = set()
        self.ending = False

    def call(self, tag, command, **more):
        """As mk.call(), but nobody types anything to this one."""
        with self.lock:
            if self.ending:
                return "was not begun"
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, errors="replace", **more)
            self.children.add(child)
        with child:
            for line in child.stdout:
                print(f"{tag} {line}", end="", flush=True)
        with self.lock:
            self.children.remove(child)
        return child.returncode

    def end(self):
        """What was called has to end, and nothing more is begun."""
        with self.lock:
            self.ending = True
            for child in self.children:
                child.terminate()


def run(part, path, env, call=mk.call):
    """Its results; what it forgot to say counts as failed."""
    open(path, "w").close()
    try:
        status = call([os.path.join(mk.TOP, "scripts", part.name), *part.args],
                      env=dict(env, RESULTS=path, KERNEL=part.version, ARCH=part.arch,
                               FLAVOUR=part.flavour))
    except OSError as error:
        status = error.strerror
    with open(path) as file:
        results = [json.loads(line) for line in file]
    os.unlink(path)
    if not results and not status and part.builds:
        return results
    if not results:
        why = f"exit status {status}" if part.builds else f"no results, exit status {status}"
    elif status and not any(result["status"] == "fail" for result in results):
        why = f"exit status {status}, and no failed test was named"
    else:
        return results
    print(f"not ok {part.name}: {why}")
    return results + [{"suite": part.name, "where": part.where(), "name": "run",
                       "status": "fail", "why": why}]


class Queue:
    """Parts in their order, except that none is before what it needs."""

    def __init__(self, parts):
        self.waiting = list(parts)
        self.needed = set(parts)
        self.changed = threading.Condition()

    def take(self):
        """The next one, once there is one; None: no more."""
        with self.changed:
            while self.waiting:
                for part in self.waiting:
                    if not self.needed.intersection(part.needs):
                        self.waiting.remove(part)
                        return part
                self.changed.wait()
        return None

    def done(self, part):
        with self.changed:
            self.needed.discard(part)
            self.changed.notify_all()

    def end(self):
        with self.changed:
            self.waiting.clear()
            self.changed.notify_all()


def run_all(parts, out, after=None, env=os.environ, at_once=1):
    """The results of all: each part appends its own to the file that RESULTS names.

    Of several at once each line says to which part it belongs, by the part's number.
    """
    numbers = {part: number for number, part in enumerate(parts, 1)}
    lists = {}
    os.makedirs(out, exist_ok=True)
    summary_file = os.path.join(out, "summary.json")
    if os.path.exists(summary_file):
        os.unlink(summary_file)
    tagged = Tagged()
    queue = Queue(parts)

    def run_one(part):
        number = numbers[part]
        name = f"{number}/{len(parts)} {part.name}"
        print(f"== {name}: {part.title} ({part.where()})", flush=True)
        start = time.monotonic()
        call = functools.partial(tagged.call, f"{number:>2}|") if at_once > 1 else mk.call
        found = run(part, os.path.join(out, f"results-{number}"), env, call)
        if after:
            after(part, found)
        print(f"== {name}: {time.monotonic() - start:.0f} s", flush=True)
        lists[part] = found

    def run_some():
        try:
            while part := queue.take():
                run_one(part)
                queue.done(part)
        except BaseException:
            queue.end()
            raise

    if at_once == 1:
        run_some()
    else:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            try:
                for worker in [pool.submit(run_some) for _ in range(at_once)]:
                    worker.result()
            except BaseException:
                queue.end()
                tagged.end()
                raise
    return [result for part in parts for result in lists[part]]


def table(columns, rows):
    """The rows as text, each column as wide as its widest entry. Columns: (key, title)."""
    lines = [[title for _, title in columns]]
    lines += [[str(row[key]) for key, _ in columns] for row in rows]
    width = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    lines.insert(1, ["-" * n for n in width])
    return "\n".join("  ".join(text.ljust(n) for text, n in zip(line, width)).rstrip()
                     for line in lines)


def summary(results, out, seconds, **more):
    """Write and say how many passed: the exit status."""
    count = {status: sum(result["status"] == status for result in results)
             for status in ("pass", "fail", "skip")}
    with open(os.path.join(out, "summary.json"), "w") as file:
        json.dump({"passed": count["pass"], "failed": count["fail"], "skipped": count["skip"],
                   "seconds": round(seconds, 1), "results": results, **more}, file, indent=1)
        file.write("\n")
    for result in results:
        if result["status"] == "fail":
            print(f"failed: {result['suite']}: {result['name']}: {result['why']}")
    print(f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped")
    return 1 if count["fail"] else 0
