# SPDX-License-Identifier: GPL-2.0
# Gets from a clone to running kernels. No kernel Makefile: see `make help`.

# Before the export, which defines what is not defined, as empty
ACCEL		?= tcg
INSTANCES	?= 2
export KDIR ACCEL V JOBS

# one-of VARIABLE,VALUES: stop unless it is one of them
one-of = $(if $(and $(filter 1,$(words $($(1)))),$(filter $(2),$($(1)))),,\
	$(error $(1)=$($(1)): $(1) may be one of: $(2)))
$(call one-of,INSTANCES,1 2 3)
$(call one-of,ACCEL,tcg kvm)

steps := scripts/steps

help:
	@echo 'Targets; each does first what it needs, and redoes nothing that is up to date:'
	@echo '  run        boot the machine, spawn kernels, exchange messages between all of them'
	@echo '  test       run all tests: KUnit, machines of two to four kernels, lint'
	@echo '  shell      boot the machine to a shell of the host kernel'
	@echo '  verify     try to break it: litmus tests, fuzzing, sanitised kernels, faults, storms'
	@echo '  kernel     build the kernel, build/kernel/arch/x86/boot/bzImage'
	@echo '  kunit      run the KUnit suites in QEMU'
	@echo '  lint       sparse, W=1, checkpatch, kernel-doc and shellcheck on all files of ours'
	@echo '  off        show that without CONFIG_MULTIKERNEL the object code is as before'
	@echo '  tree       prepare the kernel source: unpack, patch, lay the overlay'
	@echo '  setup      install the packages that all this needs, or say which are missing'
	@echo '  clean      remove what was built and logged, keep the kernel source'
	@echo '  distclean  remove build/'
	@echo 'Variables:'
	@echo '  KDIR=/path    use (a copy of) this kernel source, not the one of Debian'
	@echo '  ACCEL=tcg     how QEMU runs the machine: tcg or kvm'
	@echo '  INSTANCES=2   how many kernels to spawn: 1 to 3'
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

shell:
	@$(steps) packages tree kernel 'run --shell --accel $(ACCEL)'

test:
	@$(steps) packages tree kernel test

verify:
	@$(steps) packages tree kernel verify

kunit:
	@$(steps) packages tree kunit

lint:
	@$(steps) packages tree lint

off:
	@$(steps) packages tree off

clean:
	rm -rf build/kernel build/lint build/kunit build/off build/run build/test \
		build/verify build/log

distclean:
	rm -rf build

.PHONY: help setup tree kernel run shell test verify kunit lint off clean distclean
.NOTPARALLEL:
