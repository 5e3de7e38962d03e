# SPDX-License-Identifier: GPL-2.0
"""Somebody at a terminal at which a script of this folder runs."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import machine as mk


class Terminal:
    """With it as a context, what was started at it has ended when the context does."""

    def __init__(self, log, rows=24, columns=80):
        self.log = log
        self.size = struct.pack("HHHH", rows, columns, 0, 0)
        self.process = None
        self.master = None
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        if self.master is not None:
            os.close(self.master)

    def start(self, *command):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, self.size)
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        open(self.log, "wb").close()
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)
        os.close(slave)

    def read(self, seconds):
        """Whether there was more within that time; it ends with who wrote it."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        with open(self.log, "ab") as log:
            log.write(data)
        self.received += data
        return bool(data)

    def see(self, pattern, seconds=30):
        """What comes up to this, which is to come within that time."""
        end = time.monotonic() + seconds * mk.PATIENCE
        while True:
            match = re.search(pattern, self.received, re.MULTILINE)
            if match:
                text = self.received[:match.start()]
                self.received = self.received[match.end():]
                return text.decode(errors="replace").replace("\r", "")
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                raise mk.MachineError(f"the terminal did not show {pattern.decode()}:"
                                      f" see {mk.shown(self.log)}")

    def type(self, keys):
        os.write(self.master, keys.encode())

    def end(self, seconds=30):
        """The exit status, when it has ended by itself."""
        end = time.monotonic() + seconds * mk.PATIENCE
        while time.monotonic() < end and self.read(1):
            pass
        try:
            return self.process.wait(max(1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise mk.MachineError(f"it did not end: see {mk.shown(self.log)}") from None
