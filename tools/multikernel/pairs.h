/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands share by which instances send messages to each other. */
#ifndef _TOOLS_MULTIKERNEL_PAIRS_H
#define _TOOLS_MULTIKERNEL_PAIRS_H

#include "mk.h"
#include "../../samples/multikernel/mk_ping.h"

/**
 * struct session - a command that sends messages, from its options to its end
 * @name:   the command, as messages name it
 * @send:   have @from send to @to and show how it went; 0, or 1 with the failure
 *	    printed. @data is the command's own. NULL: it has no pairs to choose from.
 * @data:   its argument
 * @from:   --from, or MK_PING_SELF
 * @to:	    --to, or MK_PING_SELF
 * @all:    --all
 * @json:   --json
 * @headed: the table's head is printed; the command's own
 * @ping:   /dev/mk_ping
 */
struct session {
	const char	*name;
	int		(*send)(struct session *session, unsigned int from, unsigned int to);
	void		*data;
	unsigned int	from;
	unsigned int	to;
	bool		all;
	bool		json;
	bool		headed;
	int		ping;
};

/**
 * struct field - an option of a command's own
 * @name:  without --; NULL: the last of a list
 * @value: where it goes
 * @min:   it is a number from this
 * @max:   to this
 * @words: or one of these, NULL at the end: its place among them
 */
struct field {
	const char		*name;
	unsigned int		*value;
	unsigned int		min;
	unsigned int		max;
	const char * const	*words;
};

/*
 * Take --json; --from, --to and --all, if there are pairs; and what is in @fields, at
 * most MAX_FIELDS. 0, or the exit status with the failure printed.
 */
#define MAX_FIELDS	8
int pairs_options(struct session *session, const struct field *fields, int argc, char **argv);

/* Words of mk_stream.lane */
extern const char * const lane_words[];

/* Send between the one pair, or all; return the exit status */
int pairs_send(struct session *session);

/* What an errno of any of them means */
const char *pairs_error(int err);

/* Print that it failed with an errno; return 1 */
int pairs_fail(const struct session *session, unsigned int from, unsigned int to, int err);

#endif /* _TOOLS_MULTIKERNEL_PAIRS_H */
