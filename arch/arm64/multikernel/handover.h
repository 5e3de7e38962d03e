/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel tells another that it spawns: a node of the device tree.
 *
 *	/multikernel {
 *		compatible = "linux,multikernel";
 *		instance = <u32>;		who it is to be
 *		incarnation = <u32>;		which life of that instance
 *		region = <u64 u64>;		physical address of the region, bytes of it
 *		realtime = <u64 u64>;		nanoseconds since the epoch, and what the
 *						virtual counter showed then
 *		stop = <u64>;			physical address of struct
 *						mk_handover_stop
 *	};
 *
 * The node of the GIC has the property "linux,shared-distributor". The two kernels may
 * be of different versions: properties may be added, and none changes its meaning.
 */
#ifndef _ARCH_ARM64_MULTIKERNEL_HANDOVER_H
#define _ARCH_ARM64_MULTIKERNEL_HANDOVER_H

#include <linux/types.h>

#define HANDOVER_COMPATIBLE	"linux,multikernel"
#define HANDOVER_INSTANCE	"instance"
#define HANDOVER_INCARNATION	"incarnation"
#define HANDOVER_REGION		"region"
#define HANDOVER_REALTIME	"realtime"
#define HANDOVER_STOP		"stop"
#define HANDOVER_SHARED_GIC	"linux,shared-distributor"

/**
 * struct mk_handover_stop - how the spawned kernel is stopped
 * @sgi: its CPUs go offline when they get this SGI; 0: it takes none yet
 *
 * Writer: the spawned kernel.
 */
struct mk_handover_stop {
	u32	sgi;
};

#endif /* _ARCH_ARM64_MULTIKERNEL_HANDOVER_H */
