/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/multikernel: see the instances of a machine, spawn and stop kernels. Read,
 * it is a text of statistics.
 *
 * Every structure starts with its own size in bytes, which the caller fills in:
 * a kernel that knows a shorter one takes a longer one if the rest is zero
 * (else -E2BIG), and a kernel that knows a longer one takes the rest as zero. A
 * size that is too small for the first version is -EINVAL.
 *
 * Documentation/multikernel/spawn.rst says what each call does and what each
 * errno means.
 */
#ifndef _UAPI_LINUX_MULTIKERNEL_H
#define _UAPI_LINUX_MULTIKERNEL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MK_ANY_INSTANCE	0xffffffff
#define MK_NO_CPU	0xffffffff

/* CPUs that an instance can have */
#define MK_MAX_CPUS	64

/**
 * struct mk_spawn - load a kernel and start it on CPUs of its own
 * @size:	 sizeof(struct mk_spawn)
 * @kernel_fd:	 a bzImage, or on arm64 an Image, open for reading
 * @initrd_fd:	 its initramfs, open for reading; -1: none
 * @nr_cpus:	 CPUs to be lent, 1 to MK_MAX_CPUS
 * @cpus:	 address of their Linux CPU numbers, on this kernel: a __u32 for each,
 *		 the first of that which boots. They must be offline, and have been
 *		 online at least once
 * @ram:	 bytes of RAM to be granted, a multiple of 2 MiB
 * @cmdline:	 address of the command line, a string
 * @cmdline_len: its bytes, without a terminating zero
 * @instance:	 in: instance number, or MK_ANY_INSTANCE for the lowest free one;
 *		 out: the number that it got
 * @failed_cpu:	 out: the CPU that an error is about; MK_NO_CPU: about none
 * @pad:	 zero
 */
struct mk_spawn {
	__u32 size;
	__s32 kernel_fd;
	__s32 initrd_fd;
	__u32 nr_cpus;
	__u64 cpus;
	__u64 ram;
	__u64 cmdline;
	__u32 cmdline_len;
	__u32 instance;
	__u32 failed_cpu;
	__u32 pad;
};

/**
 * struct mk_stop - stop a kernel, whatever it does, and take back what it had
 * @size:     sizeof(struct mk_stop)
 * @instance: instance number
 */
struct mk_stop {
	__u32 size;
	__u32 instance;
};

/**
 * struct mk_console - open the console of a spawned kernel
 * @size:     sizeof(struct mk_console)
 * @instance: instance number
 *
 * The call returns a file descriptor, for the instance number and not for a life of it.
 * Its position counts the bytes that were ever said there. Read, it gives what was said
 * from the position on: the last 64 KiB, at first, and then what comes; who is so slow
 * that this is no more there goes on with the oldest that is. SEEK_END is behind the
 * latest. What is written is typed there: some of it at once, at most, as with any file.
 * It can be polled.
 */
struct mk_console {
	__u32 size;
	__u32 instance;
};

/**
 * enum mk_state - state of an instance
 * @MK_STATE_ABSENT:  no such instance, or nobody has been it yet
 * @MK_STATE_STARTED: its CPU was started; it has not joined yet
 * @MK_STATE_UP:      it takes messages
 * @MK_STATE_PARKED:  it has gone by itself: @reason says how
 * @MK_STATE_STOPPED: it was stopped by this kernel, or declared dead by the
 *		      keeper
 * @MK_STATE_HUNG:    it is up, but a CPU of it that takes messages shows no sign of
 *		      life; it may come back
 * @MK_STATE_BROKEN:  it is up, but what it wrote made no sense: nothing is taken
 *		      from it any more before its next life
 * @MK_STATE_REFUSED: it is of another layout version, @version, or lacks a feature
 */
enum mk_state {
	MK_STATE_ABSENT		= 0,
	MK_STATE_STARTED	= 1,
	MK_STATE_UP		= 2,
	MK_STATE_PARKED		= 3,
	MK_STATE_STOPPED	= 4,
	MK_STATE_HUNG		= 5,
	MK_STATE_BROKEN		= 6,
	MK_STATE_REFUSED	= 7,
};

/**
 * enum mk_reason - why an instance is parked
 * @MK_REASON_NONE:	it is not
 * @MK_REASON_REBOOT:	it was told to reboot
 * @MK_REASON_HALT:	it was told to halt
 * @MK_REASON_POWEROFF:	it was told to power off
 * @MK_REASON_PANIC:	it panicked
 */
enum mk_reason {
	MK_REASON_NONE		= 0,
	MK_REASON_REBOOT	= 1,
	MK_REASON_HALT		= 2,
	MK_REASON_POWEROFF	= 3,
	MK_REASON_PANIC		= 4,
};

/**
 * struct mk_info - ask about an instance
 * @size:	  sizeof(struct mk_info)
 * @instance:	  in: instance number
 * @self:	  out: instance number of the kernel that answers
 * @nr_instances: out: instance numbers that there can be, from 0
 * @state:	  out: enum mk_state
 * @reason:	  out: enum mk_reason
 * @incarnation:  out: how often the number has been in use; 0: never
 * @cpu:	  out: Linux CPU number of the first CPU that was lent, to whom
 *		  spawned it; else MK_NO_CPU
 * @hwid:	  out: hardware id of the CPU that takes its doorbells
 * @ram_base:	  out: physical address of the RAM granted, to whom spawned it
 * @ram_size:	  out: bytes of it
 * @sent:	  out: messages that this kernel has sent to it
 * @received:	  out: messages that this kernel has had from it
 * @doorbells:	  out: doorbells that this kernel has rung at it
 * @full:	  out: messages refused because the ring was full
 * @unhandled:	  out: messages from it for which there was no handler
 * @corrupt:	  out: times that its ring was closed because it made no sense
 * @nr_cpus:	  in: CPU numbers that @cpus has room for; out: CPUs that were lent,
 *		  to whom spawned it; else 0
 * @version:	  out: version of the shared layout that it speaks; 0: never been in use
 * @cpus:	  address where the numbers of all CPUs that were lent are stored, a
 *		  __u32 each, as far as there is room
 * @age_ms:	  out: milliseconds since this kernel saw it come into its state
 *
 * Messages and doorbells are those of both lanes. Reading the device gives the
 * same and more, as text: Documentation/multikernel/statistics.rst.
 */
struct mk_info {
	__u32 size;
	__u32 instance;
	__u32 self;
	__u32 nr_instances;
	__u32 state;
	__u32 reason;
	__u32 incarnation;
	__u32 cpu;
	__u64 hwid;
	__u64 ram_base;
	__u64 ram_size;
	__u64 sent;
	__u64 received;
	__u64 doorbells;
	__u64 full;
	__u64 unhandled;
	__u64 corrupt;
	__u32 nr_cpus;
	__u32 version;
	__u64 cpus;
	__u64 age_ms;
};

#define MK_IOC_SPAWN	_IOWR(0xEA, 0x00, struct mk_spawn)
#define MK_IOC_STOP	_IOW(0xEA, 0x01, struct mk_stop)
#define MK_IOC_INFO	_IOWR(0xEA, 0x02, struct mk_info)
#define MK_IOC_CONSOLE	_IOW(0xEA, 0x03, struct mk_console)

#endif /* _UAPI_LINUX_MULTIKERNEL_H */
