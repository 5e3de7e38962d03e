/* SPDX-License-Identifier: GPL-2.0 */
/* What stock arm64 files need of the multikernel layer. */
#ifndef _ASM_ARM64_MULTIKERNEL_H
#define _ASM_ARM64_MULTIKERNEL_H

#include <linux/types.h>

#ifdef CONFIG_MULTIKERNEL_SPAWN
bool multikernel_guest_is(void);
void multikernel_guest_setup(void);
void multikernel_guest_stop_sgi(unsigned int sgi);
#else
static inline bool multikernel_guest_is(void)
{
	return false;
}

static inline void multikernel_guest_setup(void)
{
}

static inline void multikernel_guest_stop_sgi(unsigned int sgi)
{
}
#endif

#endif /* _ASM_ARM64_MULTIKERNEL_H */
