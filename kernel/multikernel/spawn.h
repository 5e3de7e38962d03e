/* SPDX-License-Identifier: GPL-2.0 */
/* What the character device needs of spawning, or of its absence. */
#ifndef _KERNEL_MULTIKERNEL_SPAWN_H
#define _KERNEL_MULTIKERNEL_SPAWN_H

#include <linux/errno.h>
#include <multikernel/mk_spawn.h>
#include <uapi/linux/multikernel.h>

#ifdef CONFIG_MULTIKERNEL_SPAWN
int mk_spawn_guest(struct mk_spawn *args, const u32 *cpus, struct mk_image *image);
int mk_stop_guest(unsigned int instance);
int mk_spawn_info(struct mk_info *info, u32 room);
#else
static inline int mk_spawn_guest(struct mk_spawn *args, const u32 *cpus, struct mk_image *image)
{
	return -EOPNOTSUPP;
}

static inline int mk_stop_guest(unsigned int instance)
{
	return -EOPNOTSUPP;
}

static inline int mk_spawn_info(struct mk_info *info, u32 room)
{
	return 0;
}
#endif

#endif /* _KERNEL_MULTIKERNEL_SPAWN_H */
