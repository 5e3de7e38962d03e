/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of mixed traffic know of each other. */
#ifndef _SAMPLES_MULTIKERNEL_MK_PING_MIX_H
#define _SAMPLES_MULTIKERNEL_MK_PING_MIX_H

#include <linux/build_bug.h>
#include <linux/types.h>
#include "mk_ping_run.h"

/*
 * A slot is what one thread sends to a peer: slot n is that of CPU n, and the last one is
 * that of broadcasts. With a lane and two kernels it makes a stream, whose messages are
 * numbered and have to arrive in that order: all of them are sent by one CPU.
 */
#define MIX_SLOTS	8
#define MIX_CAST	(MIX_SLOTS - 1)
#define MIX_LANES	2

enum mix_kind {
	MIX_DATA,
	MIX_MARK,	/* only as a call */
};

/*
 * The start of a message; random bytes follow. One that is shorter is filled by
 * ping_fill(), and has the number that is next.
 */
struct mix_header {
	u64	check;		/* of all that follows */
	u64	run;		/* of this stream: random, not zero */
	u32	seq;
	u32	kind;
};

/* What traffic is to be like, by who started it; its own choice of defects it keeps */
struct mix_conf {
	u64	session;	/* random, not zero */
	u64	seed;
	u32	pause_us;
	u32	defect;
};

/*
 * A call that opens a stream, or says how far it has got. The answer to that of a bulk
 * stream is struct mix_told.
 */
struct mix_mark {
	struct mix_header header;	/* header.seq is the number of the next message */
	struct mix_conf	  conf;
	u32		  sent;		/* so many must have arrived before, */
	u32		  most;		/* and no more than so many */
	u32		  stop;		/* the sender ends its traffic */
	u32		  reserved;	/* zero */
};

struct mix_told {
	u64		   life;	/* random, another one in each life of the one who tells */
	u64		   session;	/* of which these are the sums */
	u64		   running;
	struct mk_mix_sums sums;
};

static_assert(sizeof(struct mix_header) == 24);
static_assert(sizeof(struct mix_mark) == 64);
static_assert(sizeof(struct mk_mix_sums) == 72);
static_assert(sizeof(struct mix_told) == 96);

static inline u32 mix_type(unsigned int slot, unsigned int lane)
{
	return lane == MK_STREAM_BULK ? MIX_BULK(slot) : MIX_URGENT(slot);
}

/* mk_ping_mix.c: what is going on */
u64 mix_session(void);
/* A peer has said what it does; any context */
void mix_follow(const struct mix_conf *conf, bool stop);
void mix_tell(struct mix_told *told);
void mix_hear(unsigned int peer, const struct mix_told *told);
u64 mix_check(const struct mix_header *header, u32 len);

/* mk_ping_mix_in.c: the side that receives */
int mix_in_init(void);
void mix_in_exit(void);
/* Add to @sums what has arrived from @peer in this session; any context */
void mix_in_sum(unsigned int peer, struct mk_mix_sums *sums);

/* mk_ping_mix_out.c: the side that sends. One begin, then one end; not at once */
int mix_out_begin(const struct mix_conf *conf);
void mix_out_end(void);
void mix_out_sum(unsigned int peer, struct mk_mix_sums *sums);
/* After the end: tell a peer that it has come, and hear what that has counted */
int mix_out_ask(const struct mix_conf *conf, unsigned int peer, struct mix_told *told);

#endif /* _SAMPLES_MULTIKERNEL_MK_PING_MIX_H */
