/* SPDX-License-Identifier: GPL-2.0 */
/* Rings between two threads, all measured by the same loops: loops.h. */
#ifndef _MULTIKERNEL_BENCH_H
#define _MULTIKERNEL_BENCH_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The largest message that fills no more than one slot of ours */
#define BENCH_LEN	56
#define BENCH_SLOTS	256

struct bench_msg {
	uint64_t seq;
	uint8_t	 more[BENCH_LEN - 8];
};

/**
 * struct bench_ring - what is measured
 * @name:    of it
 * @open:    make both directions, with nothing in them
 * @ping:    send a message by direction 0 and wait for it to come back, so many times
 * @pong:    the other side of it
 * @send:    send so many messages by direction 0, as fast as they are taken; NULL: it is no
 *	     ring, and has no place for more than one
 * @receive: the other side of it
 *
 * Each aborts if what arrives is not what was sent.
 */
struct bench_ring {
	const char *name;
	void	    (*open)(void);
	void	    (*ping)(uint64_t count);
	void	    (*pong)(uint64_t count);
	void	    (*send)(uint64_t count);
	void	    (*receive)(uint64_t count);
};

extern const struct bench_ring bench_line, bench_mk, bench_ck, bench_rte;

/* Memory that shares no cache line with anything else */
static inline void *bench_alloc(size_t size)
{
	void *p = aligned_alloc(128, (size + 127) & ~(size_t)127);

	if (!p)
		abort();
	return p;
}

#endif /* _MULTIKERNEL_BENCH_H */
