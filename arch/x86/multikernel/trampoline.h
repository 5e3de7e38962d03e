/* SPDX-License-Identifier: GPL-2.0 */
/* Between spawn.c and trampoline.S: a page below 1 MiB where a lent CPU starts. */
#ifndef _ARCH_X86_MULTIKERNEL_TRAMPOLINE_H
#define _ARCH_X86_MULTIKERNEL_TRAMPOLINE_H

/* Offsets in the page; the code is at 0 */
#define TRAMP_ARGS		0x400
#define TRAMP_CR3		(TRAMP_ARGS + 0x00)
#define TRAMP_CR4		(TRAMP_ARGS + 0x04)
#define TRAMP_FAR32		(TRAMP_ARGS + 0x08)
#define TRAMP_FAR64		(TRAMP_ARGS + 0x10)
#define TRAMP_STARTED		(TRAMP_ARGS + 0x18)
#define TRAMP_GDTR		(TRAMP_ARGS + 0x1e)
#define TRAMP_RSI		(TRAMP_ARGS + 0x28)
#define TRAMP_ENTRY		(TRAMP_ARGS + 0x30)

/* Selectors; the last two are what the 64-bit boot protocol asks for */
#define TRAMP_CS32		0x08
#define TRAMP_CS64		0x10
#define TRAMP_DS		0x18

#ifndef __ASSEMBLER__

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/**
 * struct tramp_far - operand of a far jump
 * @offset:   where to
 * @selector: in which segment
 * @pad:      zero
 */
struct tramp_far {
	u32	offset;
	u16	selector;
	u16	pad;
};

/**
 * struct tramp_args - what the trampoline is told
 * @cr3:	 physical address of the page tables, below 4 GiB
 * @cr4:	 CR4
 * @far32:	 its own 32-bit part
 * @far64:	 its own 64-bit part
 * @started:	 it sets this to 1 when it needs the page no more
 * @pad:	 zero
 * @gdt_limit:	 operand of lgdt, with @gdt_base
 * @gdt_base:	 linear address of @gdt
 * @pad2:	 zero
 * @rsi:	 for %rsi: the kernel's boot_params, or a slot in the lobby
 * @entry:	 where to go: the kernel's 64-bit entry, or the lobby
 * @gdt:	 null, TRAMP_CS32, TRAMP_CS64, TRAMP_DS
 */
struct tramp_args {
	u32			cr3;
	u32			cr4;
	struct tramp_far	far32;
	struct tramp_far	far64;
	u32			started;
	u16			pad;
	u16			gdt_limit;
	u32			gdt_base;
	u32			pad2;
	u64			rsi;
	u64			entry;
	u64			gdt[4];
};

static_assert(offsetof(struct tramp_args, cr4) == TRAMP_CR4 - TRAMP_ARGS);
static_assert(offsetof(struct tramp_args, far32) == TRAMP_FAR32 - TRAMP_ARGS);
static_assert(offsetof(struct tramp_args, far64) == TRAMP_FAR64 - TRAMP_ARGS);
static_assert(offsetof(struct tramp_args, started) == TRAMP_STARTED - TRAMP_ARGS);
static_assert(offsetof(struct tramp_args, gdt_limit) == TRAMP_GDTR - TRAMP_ARGS);
static_assert(offsetof(struct tramp_args, gdt_base) == TRAMP_GDTR + 2 - TRAMP_ARGS);
static_assert(offsetof(struct tramp_args, rsi) == TRAMP_RSI - TRAMP_ARGS);
static_assert(offsetof(struct tramp_args, entry) == TRAMP_ENTRY - TRAMP_ARGS);

/* trampoline.S */
extern const u8 mk_tramp_start[], mk_tramp_32[], mk_tramp_64[], mk_tramp_end[];

#endif /* !__ASSEMBLER__ */

#endif /* _ARCH_X86_MULTIKERNEL_TRAMPOLINE_H */
