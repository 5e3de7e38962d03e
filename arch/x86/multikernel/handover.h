/* SPDX-License-Identifier: GPL-2.0 */
/* What a kernel tells another that it spawns: a record in the setup_data list. */
#ifndef _ARCH_X86_MULTIKERNEL_HANDOVER_H
#define _ARCH_X86_MULTIKERNEL_HANDOVER_H

#include <linux/build_bug.h>
#include <linux/types.h>
#include <uapi/linux/multikernel.h>

/* setup_data.type: "MK"; kernels that do not know it pass over it */
#define SETUP_MULTIKERNEL	0x4d4b

/* The two kernels may be of different versions. */
#define MK_HANDOVER_VERSION	2

/**
 * struct mk_handover - payload of the setup_data record
 * @version:	 MK_HANDOVER_VERSION
 * @instance:	 number that the spawned kernel is to be
 * @incarnation: which life of that instance it is to be
 * @pad:	 zero
 * @region:	 physical address of the region
 * @region_size: bytes of it
 * @tsc_khz:	 frequency of the TSC
 * @lapic_khz:	 frequency of the local APIC's timer; 0: not known
 * @tsc:	 the TSC when it was @realtime
 * @realtime:	 nanoseconds since the epoch
 * @lobby:	 physical address of the lobby, where its further CPUs wait: lobby.h
 * @bsp:	 APIC id of the machine's boot CPU, which nobody may send an INIT
 * @nr_cpus:	 CPUs that it has
 * @hwids:	 their APIC ids, the first of that which boots
 */
struct mk_handover {
	u32	version;
	u32	instance;
	u32	incarnation;
	u32	pad;
	u64	region;
	u64	region_size;
	u32	tsc_khz;
	u32	lapic_khz;
	u64	tsc;
	u64	realtime;
	u64	lobby;
	u32	bsp;
	u32	nr_cpus;
	u32	hwids[MK_MAX_CPUS];
};

static_assert(sizeof(struct mk_handover) == 72 + 4 * MK_MAX_CPUS);

#endif /* _ARCH_X86_MULTIKERNEL_HANDOVER_H */
