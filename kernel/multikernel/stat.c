// SPDX-License-Identifier: GPL-2.0
/*
 * What people and programs are shown of an instance: a text of lines, read
 * without stopping the traffic. Documentation/multikernel/statistics.rst has
 * the format; what is added to it comes as new fields at the end of a line or
 * as new lines, anything else is a new version.
 */
#include <linux/bitfield.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "internal.h"

#define STAT_VERSION	1

static const char * const stat_lanes[MK_NR_LANES] = {
	[MK_URGENT]	= "urgent",
	[MK_BULK]	= "bulk",
};

static const char * const stat_states[] = {
	[MK_IPI_PEER_ABSENT]	= "absent",
	[MK_IPI_PEER_DOWN]	= "down",
	[MK_IPI_PEER_UP]	= "up",
	[MK_IPI_PEER_HUNG]	= "hung",
	[MK_IPI_PEER_BROKEN]	= "broken",
	[MK_IPI_PEER_REFUSED]	= "refused",
};

/**
 * mk_link_age_ms - for how long the peer has been in its state
 * @link: the link to it
 *
 * Context: Any.
 * Return: Milliseconds since this kernel saw it come into that state; 0 if it has
 *	   another one by now, of which notifiers have not been told yet.
 */
u64 mk_link_age_ms(const struct mk_link *link)
{
	if (mk_link_state(link) != READ_ONCE(link->state))
		return 0;
	return ktime_ms_delta(ktime_get(), READ_ONCE(link->since));
}

/* The lines of a histogram: where a bucket begins, and where the next does */
static void stat_bucket(struct seq_file *seq, const char *whose, unsigned int n,
			unsigned int bucket, u64 count)
{
	if (!count)
		return;
	seq_printf(seq, "%s=%u count=%llu from_ns=%llu", whose, n, count,
		   bucket ? BIT_ULL(bucket) : 0);
	if (bucket < MK_HIST_BUCKETS - 1)
		seq_printf(seq, " below_ns=%llu", BIT_ULL(bucket + 1));
	seq_putc(seq, '\n');
}

static void stat_instance(struct seq_file *seq, const struct mk_instance *instance)
{
	const struct mk_region *region = instance->region;
	const struct mk_wire_self *self = mk_region_self(region, region->self);

	seq_printf(seq, "instance n=%u incarnation=%u layout=%u instances=%u doors=%u backend=%s\n",
		   region->self, instance->incarnation, READ_ONCE(self->version),
		   instance->nr_links, instance->nr_receivers, instance->backend->name);
}

static void stat_lane(struct seq_file *seq, struct mk_link *link, enum mk_lane lane)
{
	struct mk_ipi_stats stats = {};

	mk_link_stats(link, lane, &stats);
	seq_printf(seq, "lane peer=%u lane=%s", link->peer, stat_lanes[lane]);
	seq_printf(seq, " sent=%llu received=%llu doorbells=%llu full=%llu", stats.sent,
		   stats.received, stats.doorbells, stats.full);
	seq_printf(seq, " unhandled=%llu wrong_lane=%llu corrupt=%llu resets=%llu\n",
		   stats.unhandled, stats.wrong_lane, stats.corrupt, stats.resets);
}

static void stat_peer(struct seq_file *seq, struct mk_link *link)
{
	struct mk_region *region = link->instance->region;
	const struct mk_wire_self *self = mk_region_self(region, link->peer);
	u64 life = mk_region_life(region, link->peer);
	enum mk_ipi_peer_state state = mk_link_state(link);
	unsigned int i;

	/* Its page is another kernel's: what it says there is shown, and no more */
	seq_printf(seq, "peer n=%u state=%s incarnation=%llu age_ms=%llu layout=%u doors=%u\n",
		   link->peer, stat_states[state], FIELD_GET(MK_WIRE_LIFE_INCARNATION, life),
		   mk_link_age_ms(link), READ_ONCE(self->version), READ_ONCE(self->nr_doors));
	for (i = 0; i < MK_NR_LANES; i++)
		stat_lane(seq, link, i);
	for (i = 0; i < MK_HIST_BUCKETS; i++)
		stat_bucket(seq, "calls peer", link->peer, i, atomic_long_read(&link->calls[i]));
}

static void stat_door(struct seq_file *seq, const struct mk_receiver *receiver)
{
	unsigned int i;

	seq_printf(seq, "door n=%u cpu=%u doorbells=%llu empties=%llu storms=%llu deferred=%llu",
		   receiver->door, READ_ONCE(receiver->cpu), READ_ONCE(receiver->doorbells),
		   READ_ONCE(receiver->empties), READ_ONCE(receiver->storms),
		   READ_ONCE(receiver->deferred));
	seq_printf(seq, " slow=%u\n", READ_ONCE(receiver->slow));
	for (i = 0; i < MK_HIST_BUCKETS; i++)
		stat_bucket(seq, "looks door", receiver->door, i, READ_ONCE(receiver->looks[i]));
}

static void stat_handler(struct seq_file *seq, const struct mk_ipi_handler *handler,
			 enum mk_lane lane)
{
	unsigned int cpu;
	u64 taken = 0;

	for_each_possible_cpu(cpu)
		taken += READ_ONCE(*per_cpu_ptr(handler->taken, cpu));
	seq_printf(seq, "type n=0x%03x lane=%s taken=%llu name=\"",
		   handler->type & (MK_IPI_NR_TYPES - 1), stat_lanes[lane], taken);
	seq_escape_str(seq, handler->name ?: "", ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND,
		       "\"\\");
	seq_puts(seq, "\"\n");
}

static void stat_handlers(struct seq_file *seq, struct mk_handlers *handlers)
{
	struct mk_ipi_handler *handler;
	unsigned int lane, type;

	/* Keeps handlers from going, and those who register waiting; no message does */
	guard(mutex)(&handlers->lock);
	for (type = 0; type < MK_IPI_NR_TYPES; type++) {
		for (lane = 0; lane < MK_NR_LANES; lane++) {
			handler = rcu_dereference_protected(handlers->handler[lane][type],
							    lockdep_is_held(&handlers->lock));
			if (handler)
				stat_handler(seq, handler, lane);
		}
	}
}

/**
 * mk_stat_show - write all that is known of an instance as text
 * @seq:      where to
 * @instance: whose
 *
 * Numbers that change meanwhile are each right at the moment that it is written.
 * Takes no lock that sending or receiving takes.
 *
 * Context: Process context, may sleep. Not under mk_handlers.lock.
 */
void mk_stat_show(struct seq_file *seq, struct mk_instance *instance)
{
	unsigned int i;

	seq_printf(seq, "mk_stat %u\n", STAT_VERSION);
	stat_instance(seq, instance);
	for (i = 0; i < instance->nr_links; i++)
		if (mk_link_state(&instance->links[i]) != MK_IPI_PEER_ABSENT)
			stat_peer(seq, &instance->links[i]);
	for (i = 0; i < instance->nr_receivers; i++)
		stat_door(seq, &instance->receivers[i]);
	stat_handlers(seq, instance->handlers);
}
