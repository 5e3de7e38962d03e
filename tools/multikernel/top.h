/* SPDX-License-Identifier: GPL-2.0 */
/* What mk top looks at, and what it makes of it. */
#ifndef _TOOLS_MULTIKERNEL_TOP_H
#define _TOOLS_MULTIKERNEL_TOP_H

#include <stdbool.h>
#include <stdio.h>
#include "stats.h"

#define TOP_PEERS	64
#define TOP_LANES	2
/* Looks that are remembered, for a line that shows how traffic came and went */
#define TOP_HISTORY	64

/**
 * struct top - two looks, and how to show what came between
 * @before:   the look before
 * @now:      this one
 * @seconds:  from the one to the other
 * @interval: what was asked for
 * @live:     a terminal that can be drawn on: with colours, and only what is going on
 * @utf8:     one that knows characters other than ASCII
 * @keys:     one at which somebody types
 * @rows:     how high it is
 * @columns:  how wide it is
 * @looks:    how many there have been
 * @traffic:  messages a second over each lane, both ways, at look n % TOP_HISTORY
 */
struct top {
	struct stats	before;
	struct stats	now;
	double		seconds;
	double		interval;
	bool		live;
	bool		utf8;
	bool		keys;
	unsigned int	rows;
	unsigned int	columns;
	unsigned int	looks;
	float		traffic[TOP_PEERS][TOP_LANES][TOP_HISTORY];
};

/* Take in what came between the two looks, and print it, as lines */
void top_draw(struct top *top, FILE *out);

#endif /* _TOOLS_MULTIKERNEL_TOP_H */
