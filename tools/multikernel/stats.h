/* SPDX-License-Identifier: GPL-2.0 */
/* The text that /dev/multikernel is read as: statistics.rst has the format. */
#ifndef _TOOLS_MULTIKERNEL_STATS_H
#define _TOOLS_MULTIKERNEL_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* More than any line has, since later kernels may add some */
#define STATS_FIELDS	32

/* A line: a noun and its fields; a value that was in quotes is without them */
struct stats_line {
	const char	*noun;
	unsigned int	nr;
	struct {
		const char	*key;
		const char	*value;
	} field[STATS_FIELDS];
};

struct stats {
	char			*text;
	struct stats_line	*lines;
	size_t			nr;
};

/* Read it anew from an open file, called @name: 0, or 1 with the failure printed */
int stats_read(struct stats *stats, int fd, const char *name);
void stats_free(struct stats *stats);

/* The next line of that noun after @line, or the first if that is NULL; NULL: none */
const struct stats_line *stats_next(const struct stats *stats, const struct stats_line *line,
				    const char *noun);

/* A field's value; "" or 0 if the line does not have it */
const char *stats_text(const struct stats_line *line, const char *key);
unsigned long long stats_number(const struct stats_line *line, const char *key);
bool stats_is(const struct stats_line *line, const char *key, const char *value);

#endif /* _TOOLS_MULTIKERNEL_STATS_H */
