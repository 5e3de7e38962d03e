// SPDX-License-Identifier: GPL-2.0
/* mk ping: have instances exchange messages and show how it went. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "pairs.h"

static double per_message(const struct mk_ping *ping)
{
	return ping->messages ? (double)ping->doorbells / ping->messages : 0;
}

static void print_json(const struct mk_ping *ping)
{
	printf("{\"from\":%u,\"to\":%u,\"count\":%u,\"size\":%u,\"window\":%u,", ping->from,
	       ping->to, ping->count, ping->size, ping->window);
	printf("\"round_trips\":%u,\"error\":%u,\"lost\":%u,\"reordered\":%u,\"damaged\":%u,",
	       ping->done, ping->error, ping->lost, ping->reordered, ping->damaged);
	printf("\"min_ns\":%llu,\"median_ns\":%llu,\"p99_ns\":%llu,\"max_ns\":%llu,", ping->min_ns,
	       ping->median_ns, ping->p99_ns, ping->max_ns);
	printf("\"elapsed_ns\":%llu,\"messages\":%llu,\"doorbells\":%llu,", ping->elapsed_ns,
	       ping->messages, ping->doorbells);
	printf("\"doorbells_per_message\":%.3f}\n", per_message(ping));
}

static void print_row(const struct mk_ping *ping, bool *headed)
{
	char pair[32];

	if (!*headed)
		printf("%-8s  %11s  %9s  %9s  %8s  %12s  %8s  %17s\n", "pair", "round trips",
		       "median us", "p99 us", "lost", "out of order", "damaged",
		       "doorbells/message");
	*headed = true;
	snprintf(pair, sizeof(pair), "%u -> %u", ping->from, ping->to);
	printf("%-8s  %11u  %9.1f  %9.1f  %8u  %12u  %8u  %17.2f\n", pair, ping->done,
	       ping->median_ns / 1e3, ping->p99_ns / 1e3, ping->lost, ping->reordered,
	       ping->damaged, per_message(ping));
}

static int send_ping(struct session *session, unsigned int from, unsigned int to)
{
	struct mk_ping ping = *(const struct mk_ping *)session->data;

	ping.from = from;
	ping.to = to;
	if (ioctl(session->ping, MK_PING_IOC_RUN, &ping))
		return pairs_fail(session, from, to, errno);
	if (session->json)
		print_json(&ping);
	else if (ping.done || !ping.error)
		print_row(&ping, &session->headed);
	fflush(stdout);
	if (ping.error)
		return pairs_fail(session, from, to, ping.error);
	return ping.done != ping.count || ping.lost || ping.reordered || ping.damaged;
}

int cmd_ping(int argc, char **argv)
{
	struct mk_ping ping = {
		.count = 10000,
		.size = 56,
		.window = 1,
		.timeout_ms = 5000,
	};
	const struct field fields[] = {
		{ "count", &ping.count, 1, MK_PING_MAX_COUNT, NULL },
		{ "size", &ping.size, MK_PING_MIN_SIZE, MK_PING_MAX_SIZE, NULL },
		{ "window", &ping.window, 1, MK_PING_MAX_WINDOW, NULL },
		{ "timeout", &ping.timeout_ms, 1, MK_PING_MAX_TIMEOUT_MS, NULL },
		{ }
	};
	struct session session = { .name = "ping", .send = send_ping, .data = &ping };
	int ret = pairs_options(&session, fields, argc, argv);

	return ret ? ret : pairs_send(&session);
}
