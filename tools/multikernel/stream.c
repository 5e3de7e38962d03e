// SPDX-License-Identifier: GPL-2.0
/* mk stream: have instances send messages one way and show how it went. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "pairs.h"

/* mk_stream.cpus */
static const char * const cpus[] = { "all", "1", NULL };

/* All its CPUs together; @at: not shown of it */
static struct mk_stream_cpu sum(const struct mk_stream *stream)
{
	struct mk_stream_cpu all = { };

	for (unsigned int i = 0; i < stream->cpus; i++) {
		all.sent += stream->cpu[i].sent;
		all.received += stream->cpu[i].received;
		all.lost += stream->cpu[i].lost;
		all.reordered += stream->cpu[i].reordered;
		all.damaged += stream->cpu[i].damaged;
	}
	return all;
}

static double per_message(const struct mk_stream *stream, const struct mk_stream_cpu *all)
{
	return all->sent ? (double)stream->doorbells / all->sent : 0;
}

static void print_counts(const struct mk_stream_cpu *cpu)
{
	printf("\"messages\":%u,\"received\":%u,\"lost\":%u,\"reordered\":%u,\"damaged\":%u,",
	       cpu->sent, cpu->received, cpu->lost, cpu->reordered, cpu->damaged);
}

static void print_json(const struct mk_stream *stream, const struct mk_stream_cpu *all)
{
	printf("{\"from\":%u,\"to\":%u,\"lane\":\"%s\",\"count\":%u,\"size\":%u,\"error\":%u,",
	       stream->from, stream->to, lane_words[stream->lane], stream->count, stream->size,
	       stream->error);
	print_counts(all);
	printf("\"doorbells\":%llu,\"doorbells_per_message\":%.4f,", stream->doorbells,
	       per_message(stream, all));
	printf("\"doorbells_for_room\":%llu,\"elapsed_ns\":%llu,\"cpus\":[", stream->room,
	       stream->elapsed_ns);
	for (unsigned int i = 0; i < stream->cpus; i++) {
		const struct mk_stream_cpu *cpu = &stream->cpu[i];
		const char *comma = "";

		printf("%s{\"cpu\":%u,\"arrived_on\":[", i ? "," : "", cpu->cpu);
		for (unsigned int n = 0; n < 64; n++) {
			if (cpu->at >> n & 1) {
				printf("%s%u", comma, n);
				comma = ",";
			}
		}
		printf("],");
		print_counts(cpu);
		printf("\"error\":%u,\"elapsed_ns\":%llu}", cpu->error, cpu->elapsed_ns);
	}
	puts("]}");
}

static void print_row(const struct mk_stream *stream, const struct mk_stream_cpu *all,
		      bool *headed)
{
	double seconds = stream->elapsed_ns / 1e9;
	char pair[32];

	if (!*headed)
		printf("%-8s  %6s  %4s  %9s  %9s  %8s  %12s  %8s  %17s\n", "pair", "lane", "cpus",
		       "messages", "per s", "lost", "out of order", "damaged",
		       "doorbells/message");
	*headed = true;
	snprintf(pair, sizeof(pair), "%u -> %u", stream->from, stream->to);
	printf("%-8s  %6s  %4u  %9u  %9.0f  %8u  %12u  %8u  %17.4f\n", pair,
	       lane_words[stream->lane], stream->cpus, all->received,
	       seconds > 0 ? all->received / seconds : 0, all->lost, all->reordered,
	       all->damaged, per_message(stream, all));
}

static int send_stream(struct session *session, unsigned int from, unsigned int to)
{
	struct mk_stream stream = *(const struct mk_stream *)session->data;
	struct mk_stream_cpu all;

	stream.from = from;
	stream.to = to;
	if (ioctl(session->ping, MK_STREAM_IOC_RUN, &stream))
		return pairs_fail(session, from, to, errno);
	all = sum(&stream);
	if (session->json)
		print_json(&stream, &all);
	else if (all.received || !stream.error)
		print_row(&stream, &all, &session->headed);
	fflush(stdout);
	if (stream.error)
		return pairs_fail(session, from, to, stream.error);
	return all.received != all.sent || all.lost || all.reordered || all.damaged;
}

int cmd_stream(int argc, char **argv)
{
	struct mk_stream stream = {
		.count = 100000,
		.size = 56,
		.lane = MK_STREAM_BULK,
		.cpus = 1,
		.timeout_ms = 5000,
	};
	const struct field fields[] = {
		{ "count", &stream.count, 1, MK_STREAM_MAX_COUNT, NULL },
		{ "size", &stream.size, 0, MK_STREAM_MAX_BULK_SIZE, NULL },
		{ "timeout", &stream.timeout_ms, 1, MK_PING_MAX_TIMEOUT_MS, NULL },
		{ "lane", &stream.lane, 0, 0, lane_words },
		{ "cpus", &stream.cpus, 0, 0, cpus },
		{ }
	};
	struct session session = { .name = "stream", .send = send_stream, .data = &stream };
	int ret = pairs_options(&session, fields, argc, argv);

	if (ret)
		return ret;
	if (stream.lane == MK_STREAM_URGENT && stream.size > MK_STREAM_MAX_URGENT_SIZE)
		return misused("stream: --size is 0 to %u on the urgent lane",
			       MK_STREAM_MAX_URGENT_SIZE);
	return pairs_send(&session);
}
