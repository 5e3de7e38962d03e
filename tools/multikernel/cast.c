// SPDX-License-Identifier: GPL-2.0
/* mk cast: send to all other instances, and to each of their CPUs, and show how it went. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "pairs.h"

static unsigned int cpus_of(const struct mk_cast_peer *peer, __u32 *cpus)
{
	unsigned int nr_cpus = 0;

	for (unsigned int n = 0; n < 64; n++)
		if (peer->at >> n & 1)
			cpus[nr_cpus++] = n;
	return nr_cpus;
}

static void print_json(const struct mk_cast *cast, const struct mk_cast_peer *peer)
{
	__u32 cpus[64];
	unsigned int nr_cpus = cpus_of(peer, cpus);

	printf("{\"from\":%u,\"to\":%u,\"lane\":\"%s\",\"count\":%u,\"size\":%u,\"error\":%u,",
	       cast->from, peer->peer, lane_words[cast->lane], cast->count, cast->size,
	       peer->error);
	printf("\"messages\":%u,\"received\":%u,\"lost\":%u,\"reordered\":%u,\"damaged\":%u,",
	       peer->sent, peer->received, peer->lost, peer->reordered, peer->damaged);
	printf("\"retried\":%u,\"cpus\":%u,\"arrived_on\":[", peer->retried, peer->cpus);
	for (unsigned int i = 0; i < nr_cpus; i++)
		printf("%s%u", i ? "," : "", cpus[i]);
	puts("]}");
}

static void print_row(const struct mk_cast *cast, const struct mk_cast_peer *peer, bool head)
{
	char pair[32], text[CPUS_TEXT], reached[CPUS_TEXT + 32];
	__u32 cpus[64];
	unsigned int nr_cpus = cpus_of(peer, cpus);

	if (head)
		printf("%-8s  %6s  %9s  %9s  %8s  %12s  %8s  %s\n", "pair", "lane", "sent",
		       "received", "lost", "out of order", "damaged", "CPUs reached");
	snprintf(pair, sizeof(pair), "%u -> %u", cast->from, peer->peer);
	snprintf(reached, sizeof(reached), "%s of %u",
		 nr_cpus ? format_cpus(text, cpus, nr_cpus) : "none", peer->cpus);
	printf("%-8s  %6s  %9u  %9u  %8u  %12u  %8u  %s\n", pair, lane_words[cast->lane],
	       peer->sent, peer->received, peer->lost, peer->reordered, peer->damaged, reached);
}

static int send_cast(const struct session *session, struct mk_cast *cast)
{
	__u32 cpus[64];
	int ret = 0;

	if (ioctl(session->ping, MK_CAST_IOC_RUN, cast)) {
		if (errno == ENOTCONN)
			return fail("cast: no other instance is up: mk spawn one first");
		return fail("cast: %s", pairs_error(errno));
	}
	for (unsigned int i = 0; i < cast->nr_peers; i++) {
		const struct mk_cast_peer *peer = &cast->peer[i];

		if (session->json)
			print_json(cast, peer);
		else
			print_row(cast, peer, !i);
		if (peer->received != cast->count + peer->cpus || peer->lost || peer->reordered ||
		    peer->damaged || !peer->cpus || cpus_of(peer, cpus) != peer->cpus)
			ret = 1;
	}
	fflush(stdout);
	for (unsigned int i = 0; i < cast->nr_peers; i++)
		if (cast->peer[i].error)
			ret = pairs_fail(session, cast->from, cast->peer[i].peer,
					 cast->peer[i].error);
	return ret;
}

int cmd_cast(int argc, char **argv)
{
	struct mk_cast cast = {
		.count = 10000,
		.size = 56,
		.lane = MK_STREAM_BULK,
		.timeout_ms = 5000,
	};
	const struct field fields[] = {
		{ "count", &cast.count, 1, MK_STREAM_MAX_COUNT, NULL },
		{ "size", &cast.size, 0, MK_STREAM_MAX_BULK_SIZE, NULL },
		{ "timeout", &cast.timeout_ms, 1, MK_PING_MAX_TIMEOUT_MS, NULL },
		{ "lane", &cast.lane, 0, 0, lane_words },
		{ }
	};
	struct session session = { .name = "cast" };
	int ret = pairs_options(&session, fields, argc, argv);

	if (ret)
		return ret;
	if (cast.lane == MK_STREAM_URGENT && cast.size > MK_STREAM_MAX_URGENT_SIZE)
		return misused("cast: --size is 0 to %u on the urgent lane",
			       MK_STREAM_MAX_URGENT_SIZE);
	session.ping = open_device("/dev/mk_ping", "CONFIG_SAMPLE_MULTIKERNEL_PING");
	if (session.ping < 0)
		return 1;
	ret = send_cast(&session, &cast);
	close(session.ping);
	return ret;
}
