/* SPDX-License-Identifier: GPL-2.0 */
/* Between guest.c and guest_smp.c */
#ifndef _ARCH_X86_MULTIKERNEL_GUEST_H
#define _ARCH_X86_MULTIKERNEL_GUEST_H

struct mk_handover;

/* All while booting; @handover stays where it is. */
void mk_guest_smp_setup(const struct mk_handover *handover);
void mk_guest_smp_register(void);

#endif /* _ARCH_X86_MULTIKERNEL_GUEST_H */
