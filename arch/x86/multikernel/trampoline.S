/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From SIPI to the 64-bit entry of another kernel, or to the lobby. Copied to a page
 * below 1 MiB and run there; what it needs to know lies in the same page, at
 * TRAMP_ARGS.
 */
#include <linux/linkage.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "trampoline.h"

	.section .rodata
	.balign 16
SYM_DATA_START(mk_tramp_start)
	.code16
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	xorl	%ebx, %ebx
	movw	%cs, %bx
	shll	$4, %ebx			/* linear address of the page */
	lgdtl	TRAMP_GDTR
	movl	$(X86_CR0_PE | X86_CR0_ET | X86_CR0_NE), %eax
	movl	%eax, %cr0			/* caches on, too */
	ljmpl	*TRAMP_FAR32

	.code32
SYM_INNER_LABEL(mk_tramp_32, SYM_L_GLOBAL)
	movw	$TRAMP_DS, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	%ax, %fs
	movw	%ax, %gs
	movl	TRAMP_CR4(%ebx), %eax
	movl	%eax, %cr4
	movl	TRAMP_CR3(%ebx), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	btsl	$_EFER_LME, %eax
	wrmsr
	movl	$(X86_CR0_PG | X86_CR0_PE | X86_CR0_ET | X86_CR0_NE), %eax
	movl	%eax, %cr0
	ljmpl	*TRAMP_FAR64(%ebx)

	.code64
SYM_INNER_LABEL(mk_tramp_64, SYM_L_GLOBAL)
	xorl	%ebp, %ebp
	xorl	%edi, %edi
	movq	TRAMP_RSI(%rbx), %rsi
	movq	TRAMP_ENTRY(%rbx), %rax
	movl	$1, TRAMP_STARTED(%rbx)
	jmp	*%rax
	.org	mk_tramp_start + TRAMP_ARGS	/* an error if the code is longer */
SYM_DATA_END_LABEL(mk_tramp_start, SYM_L_GLOBAL, mk_tramp_end)
