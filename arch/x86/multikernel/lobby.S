/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A CPU that waits until the kernel that it belongs to calls it. The first part is
 * copied to the lobby and runs there; see lobby.h.
 *
 * It halts and is called by an NMI, since it can keep no other interrupt: its local
 * APIC is off. Whoever else sends an NMI only wakes it. A jump to the kernel from
 * anywhere but the NMI would let that come when the kernel can't take it yet.
 */
#include <linux/linkage.h>
#include <asm/ibt.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>

#include "lobby.h"

	.section .rodata
	.balign 16
	.code64
/* %rsi: the CPU's slot; interrupts are off, page tables map the lobby one to one */
SYM_DATA_START(mk_lobby_start)
	ENDBR
	leaq	mk_lobby_start(%rip), %rbx
	leaq	LOBBY_SLOT_SIZE(%rsi), %rsp
	lgdt	LOBBY_GDTR(%rbx)
	lidt	LOBBY_IDTR(%rbx)
	/* Off with all that would have to be set up: FRED, CET, PCID, global pages */
	movq	%cr4, %rax
	andl	$(X86_CR4_PAE | X86_CR4_LA57), %eax
	movq	%rax, %cr4
	movl	$TRAMP_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	/* A far return that also lets NMIs in, should the CPU be in one */
	movq	%rsp, %rdx
	pushq	%rax
	pushq	%rdx
	pushq	$X86_EFLAGS_FIXED
	pushq	$TRAMP_CS64
	leaq	.Lwait(%rip), %rax
	pushq	%rax
	iretq

.Lwait:
	movl	$LOBBY_WAITING, LOBBY_STATE(%rsi)
.Lhalt:
	hlt
	jmp	.Lhalt

SYM_INNER_LABEL(mk_lobby_nmi, SYM_L_GLOBAL)
	cmpl	$LOBBY_CALLED, LOBBY_STATE(%rsi)
	jne	.Lreturn
	leaq	.Lleave(%rip), %rax
	movq	%rax, (%rsp)
.Lreturn:
	iretq

.Lleave:
	movl	$LOBBY_AWAY, LOBBY_STATE(%rsi)
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	LOBBY_EFER(%rsi), %eax
	wrmsr
	movq	LOBBY_ENTRY(%rsi), %rdx
	movq	LOBBY_CR3(%rsi), %rax
	movq	%rax, %cr3
	jmp	*%rdx
	.org	mk_lobby_start + LOBBY_ARGS	/* an error if the code is longer */
SYM_DATA_END_LABEL(mk_lobby_start, SYM_L_GLOBAL, mk_lobby_end)

	.text
/* %rdi: the lobby; %rsi: slot; %rdx: page tables, which map this code as well */
SYM_FUNC_START(mk_lobby_enter)
	movq	%rdx, %cr3
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%rdi
SYM_FUNC_END(mk_lobby_enter)
