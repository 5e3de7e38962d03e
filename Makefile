# SPDX-License-Identifier: GPL-2.0
# Gets from a clone to running kernels. No kernel Makefile: see `make help`.

# Before the export, which defines what is not defined, as empty
ACCEL		?= tcg
INSTANCES	?= 2
MINUTES		?= 10
export KDIR ACCEL V JOBS SEED ARCH KERNEL

# CHECK=1 of series
checks = $(if $(filter 1,$(CHECK)),--check --build)

# one-of VARIABLE,VALUES: stop unless it is one of them
one-of = $(if $(and $(filter 1,$(words $($(1)))),$(filter $(2),$($(1)))),,\
	$(error $(1)=$($(1)): $(1) may be one of: $(2)))
$(call one-of,INSTANCES,1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
$(call one-of,ACCEL,tcg kvm)

steps := scripts/steps

help:
	@echo 'Targets; each does first what it needs, and redoes nothing that is up to date:'
	@echo '  run        boot the machine, spawn kernels, exchange messages between all of them'
	@echo '  test       run all tests: KUnit, machines of two to sixteen kernels, lint'
	@echo '  verify     try to break it: litmus tests, fuzzing, sanitised kernels, faults, storms'
	@echo '  soak       mixed traffic among four kernels that die and come again, for MINUTES'
	@echo '  coverage   how much of the code the tests run, and why the rest is not'
	@echo '  demo       boot it and spawn two kernels, and get a shell: it says what to try'
	@echo '  shell      boot the machine to a shell of the host kernel, with nothing spawned'
	@echo '  bench      measure side by side: ratios, all samples, and a page with charts'
	@echo '  docs       build the manual: HTML, in build/VERSION-ARCH/docs/html/'
	@echo '  series     export all this as commits for a kernel tree, in build/series-VERSION/'
	@echo 'Parts of test and verify, and what they need:'
	@echo '  kernel     build the kernel, in build/VERSION-ARCH/kernel'
	@echo '  kunit      run the KUnit suites in QEMU; with ARCH=um, as a program'
	@echo '  lint       sparse, W=1, checkpatch, kernel-doc and shellcheck on all files of ours'
	@echo '  off        show that without CONFIG_MULTIKERNEL the object code is as before'
	@echo '  litmus     check the order of memory accesses by the memory model of the kernel'
	@echo '  fuzz       fuzz, in user space, what reads the memory of a peer'
	@echo '  tree       prepare the kernel source: unpack, patch, lay the overlay'
	@echo '  setup      install the packages that all this needs, or say which are missing'
	@echo '  clean      remove what was built and logged, keep the kernel source'
	@echo '  distclean  remove build/'
	@echo 'Variables:'
	@echo '  ARCH=x86_64   for which architecture: x86_64 or arm64'
	@echo '  KERNEL=6.12   which version of Linux: 6.12 or 7.3'
	@echo '  KDIR=/path    use (a copy of) this kernel source, not the one of Debian'
	@echo '  ACCEL=tcg     how QEMU runs the machine: tcg or kvm'
	@echo '  INSTANCES=2   how many kernels to spawn: 1 to 15'
	@echo '  MINUTES=10    how long to soak'
	@echo '  RUNS=N        how many inputs to fuzz with'
	@echo '  SEED=N        of what is random in verify, soak and fuzz: the same once more'
	@echo '  REPRODUCE=/path  the input to fuzz with, and no other'
	@echo '  CHECK=1       have series build each commit, with CONFIG_MULTIKERNEL and without'
	@echo '  JOBS=N        how many commands a build runs at once: as many as there are CPUs'
	@echo '  V=1           show the output of every command, not only its progress'

setup:
	@$(steps) packages

tree:
	@$(steps) packages tree

kernel:
	@$(steps) packages tree kernel

run:
	@$(steps) packages tree kernel 'run --instances $(INSTANCES) --accel $(ACCEL)'

shell demo:
	@$(steps) packages tree kernel 'run --$@ --accel $(ACCEL)'

test:
	@$(steps) 'packages mixed docs $(if $(ARCH),,arm64)' 'test $(KERNEL:%=KERNEL=%) $(ARCH:%=ARCH=%)'

verify:
	@$(steps) 'packages fuzz' tree kernel verify

fuzz:
	@$(steps) 'packages fuzz' tree 'fuzz $(RUNS:%=--runs %) $(SEED:%=--seed %) $(REPRODUCE:%=--reproduce %)'

soak:
	@$(steps) packages tree kernel 'soak --minutes $(MINUTES)$(if $(SEED), --seed $(SEED))'

bench:
	@$(steps) 'packages bench' tree 'kernel bench' 'kernel bare' 'bench --accel $(ACCEL)'

coverage:
	@$(steps) 'packages coverage' tree coverage

kunit:
	@$(steps) packages tree kunit

lint:
	@$(steps) packages tree lint

docs:
	@$(steps) 'packages docs' tree docs

litmus:
	@$(steps) packages tree litmus

off:
	@$(steps) packages tree off

series:
	@$(steps) packages tree 'series $(checks)'

clean:
	find build -mindepth 1 -maxdepth 1 ! -name 'linux-*' ! -name 'pristine-*' \
		! -name 'source-*' ! -name herd ! -name .lock -exec rm -rf {} + 2>/dev/null || true

distclean:
	rm -rf build

.PHONY: help setup tree kernel run shell demo test verify soak bench coverage litmus fuzz \
	kunit lint off docs series clean distclean
.NOTPARALLEL:
