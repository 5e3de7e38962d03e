/* SPDX-License-Identifier: GPL-2.0 */
/* Consoles of spawned kernels: both ends, and what the host keeps of them. */
#ifndef _KERNEL_MULTIKERNEL_CONSOLE_H
#define _KERNEL_MULTIKERNEL_CONSOLE_H

#include <linux/errno.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* history.c: the last of what was said */

#define MK_HISTORY_SIZE		((size_t)SZ_64K)

/**
 * struct mk_history - the last of what was said
 * @lock: guards the rest
 * @buf:  MK_HISTORY_SIZE bytes; NULL: nothing is kept
 * @end:  bytes that were ever added: the position of the next
 */
struct mk_history {
	spinlock_t	lock;	/* buf, end */
	u8		*buf;
	u64		end;
};

void mk_history_init(struct mk_history *history);
int mk_history_keep(struct mk_history *history);
void mk_history_free(struct mk_history *history);
void mk_history_add(struct mk_history *history, const void *data, size_t len);
size_t mk_history_read(struct mk_history *history, u64 *pos, void *to, size_t size);
u64 mk_history_end(struct mk_history *history);
bool mk_history_kept(struct mk_history *history);

#ifdef CONFIG_MULTIKERNEL_CONSOLE
/* console.c: the host's end */
int mk_console_expect(unsigned int instance, u32 incarnation);
int mk_console_open(unsigned int instance);

/* hvc.c: the guest's end */
void mk_hvc_open(void);
#else
static inline int mk_console_expect(unsigned int instance, u32 incarnation)
{
	return 0;
}

static inline int mk_console_open(unsigned int instance)
{
	return -EOPNOTSUPP;
}

static inline void mk_hvc_open(void)
{
}
#endif

#endif /* _KERNEL_MULTIKERNEL_CONSOLE_H */
