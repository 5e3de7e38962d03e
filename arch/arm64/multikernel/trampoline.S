/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From PSCI's CPU_ON to the entry of another kernel, which wants a device tree in x0:
 * psci_ops.cpu_on() passes nothing. Copied to the kernel's RAM and run there, with the
 * MMU off.
 */
#include <linux/linkage.h>

	.section .rodata
	.balign 8
SYM_DATA_START(mk_tramp_start)
	ldr	x0, mk_tramp_args
	ldr	x4, mk_tramp_args + 8
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	br	x4
	.balign	8
SYM_INNER_LABEL(mk_tramp_args, SYM_L_GLOBAL)
	.quad	0				/* struct tramp_args */
	.quad	0
SYM_DATA_END_LABEL(mk_tramp_start, SYM_L_GLOBAL, mk_tramp_end)
