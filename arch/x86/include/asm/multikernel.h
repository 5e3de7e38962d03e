/* SPDX-License-Identifier: GPL-2.0 */
/* What stock x86 files need of the multikernel layer. */
#ifndef _ASM_X86_MULTIKERNEL_H
#define _ASM_X86_MULTIKERNEL_H

#ifdef CONFIG_MULTIKERNEL_SPAWN
void multikernel_guest_setup(void);
#else
static inline void multikernel_guest_setup(void)
{
}
#endif

#endif /* _ASM_X86_MULTIKERNEL_H */
