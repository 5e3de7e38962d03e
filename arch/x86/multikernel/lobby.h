/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lobby: where the CPUs of a guest are that its kernel does not run on. They
 * wait there from the spawn until the kernel calls them, and when they were taken
 * offline. It lies in the guest's RAM, below what is RAM to the guest's kernel:
 *
 *	+ 0			the code
 *	+ LOBBY_ARGS		struct lobby_args
 *	+ LOBBY_SLOTS		a slot for each CPU, in the order of mk_handover.hwids
 *
 * States of a slot, and who sets them:
 *
 *	LOBBY_AWAY    -> LOBBY_WAITING	the CPU, when it is ready for the NMI
 *	LOBBY_WAITING -> LOBBY_CALLED	the kernel, before it sends the NMI
 *	LOBBY_CALLED  -> LOBBY_AWAY	the CPU, when it leaves
 */
#ifndef _ARCH_X86_MULTIKERNEL_LOBBY_H
#define _ARCH_X86_MULTIKERNEL_LOBBY_H

#include "trampoline.h"

#define LOBBY_ARGS		0x100
#define LOBBY_GDTR		(LOBBY_ARGS + 0x06)
#define LOBBY_IDTR		(LOBBY_ARGS + 0x16)

#define LOBBY_SLOTS		0x1000
#define LOBBY_SLOT_SIZE		0x200

/* Offsets in a slot; its end is the stack */
#define LOBBY_STATE		0x00
#define LOBBY_EFER		0x04
#define LOBBY_CR3		0x08
#define LOBBY_ENTRY		0x10

#define LOBBY_AWAY		0
#define LOBBY_WAITING		1
#define LOBBY_CALLED		2

#ifndef __ASSEMBLER__

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <uapi/linux/multikernel.h>
#include <asm/desc_defs.h>

/* Its vectors end with the NMI's. */
#define LOBBY_GATES		3

#define LOBBY_SIZE		(LOBBY_SLOTS + MK_MAX_CPUS * LOBBY_SLOT_SIZE)

/**
 * struct lobby_args - what the lobby's code is told
 * @pad:	zero
 * @gdt_limit:	operand of lgdt, with @gdt_base
 * @gdt_base:	physical address of @gdt
 * @pad2:	zero
 * @idt_limit:	operand of lidt, with @idt_base
 * @idt_base:	physical address of @idt
 * @gdt:	as in struct tramp_args; these selectors are the kernel's as well
 * @idt:	only the NMI's gate is present
 */
struct lobby_args {
	u16			pad[3];
	u16			gdt_limit;
	u64			gdt_base;
	u16			pad2[3];
	u16			idt_limit;
	u64			idt_base;
	u64			gdt[4];
	gate_desc		idt[LOBBY_GATES];
};

static_assert(offsetof(struct lobby_args, gdt_limit) == LOBBY_GDTR - LOBBY_ARGS);
static_assert(offsetof(struct lobby_args, gdt_base) == LOBBY_GDTR + 2 - LOBBY_ARGS);
static_assert(offsetof(struct lobby_args, idt_limit) == LOBBY_IDTR - LOBBY_ARGS);
static_assert(offsetof(struct lobby_args, idt_base) == LOBBY_IDTR + 2 - LOBBY_ARGS);
static_assert(LOBBY_ARGS + sizeof(struct lobby_args) <= LOBBY_SLOTS);

/**
 * struct lobby_slot - between a CPU in the lobby and the kernel that calls it
 * @state: LOBBY_AWAY, LOBBY_WAITING or LOBBY_CALLED
 * @efer:  bits of EFER that it is to set when it leaves
 * @cr3:   page tables that it is to leave with; they map the lobby one to one, too
 * @entry: where it is to go
 * @stack: its stack, of which the called code may use what it finds
 */
struct lobby_slot {
	u32			state;
	u32			efer;
	u64			cr3;
	u64			entry;
	u8			stack[LOBBY_SLOT_SIZE - 0x18];
};

static_assert(offsetof(struct lobby_slot, state) == LOBBY_STATE);
static_assert(offsetof(struct lobby_slot, efer) == LOBBY_EFER);
static_assert(offsetof(struct lobby_slot, cr3) == LOBBY_CR3);
static_assert(offsetof(struct lobby_slot, entry) == LOBBY_ENTRY);
static_assert(sizeof(struct lobby_slot) == LOBBY_SLOT_SIZE);

/* lobby.S */
extern const u8 mk_lobby_start[], mk_lobby_nmi[], mk_lobby_end[];

/*
 * From the kernel to the lobby at @lobby, to wait there at @slot, both physical
 * addresses, with the page tables @cr3, which map it one to one. Interrupts are
 * off; does not return.
 */
void mk_lobby_enter(u64 lobby, u64 slot, u64 cr3);

#endif /* !__ASSEMBLER__ */

#endif /* _ARCH_X86_MULTIKERNEL_LOBBY_H */
