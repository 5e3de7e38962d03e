/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SGIs. doorbell.c and doorbell_v2.c are two files since the kernel's headers of GICv2 and
 * GICv3 define the same names.
 */
#ifndef _ARCH_ARM64_MULTIKERNEL_DOORBELL_H
#define _ARCH_ARM64_MULTIKERNEL_DOORBELL_H

#include <linux/types.h>

/* SGIs below are what Linux talks to itself with, whichever kernel it is */
#define DOORBELL_FIRST	7
#define DOORBELL_LAST	15

/* doorbell.c: any GIC that has SGIs */
int mk_doorbell_address(unsigned int cpu, u64 *address);
int mk_doorbell_send(u64 address, u32 sgi);

/* doorbell_v2.c: a GICv2 */
int mk_gicv2_interface(unsigned int cpu);
int mk_gicv2_send(u64 interface, u32 sgi);

#endif /* _ARCH_ARM64_MULTIKERNEL_DOORBELL_H */
