/* SPDX-License-Identifier: GPL-2.0 */
/* Between spawn.c and trampoline.S: where a lent CPU starts. */
#ifndef _ARCH_ARM64_MULTIKERNEL_TRAMPOLINE_H
#define _ARCH_ARM64_MULTIKERNEL_TRAMPOLINE_H

#include <linux/types.h>

/**
 * struct tramp_args - what the trampoline is told, behind its code
 * @fdt:   physical address of the device tree, for x0
 * @entry: physical address of the kernel
 */
struct tramp_args {
	u64	fdt;
	u64	entry;
};

/* trampoline.S */
extern const u8 mk_tramp_start[], mk_tramp_args[], mk_tramp_end[];

#endif /* _ARCH_ARM64_MULTIKERNEL_TRAMPOLINE_H */
