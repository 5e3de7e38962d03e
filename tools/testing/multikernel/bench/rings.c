// SPDX-License-Identifier: GPL-2.0
/*
 * Measures rings between two threads, each on a CPU of its own, round by round, so that what
 * slows the machine down slows all alike.
 *
 *	bench-rings CPU CPU ROUNDS PINGS MESSAGES
 *
 * A line for each measurement: what, name, round, nanoseconds for each round trip or message.
 */
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include "bench.h"

static const struct bench_ring *const rings[] = { &bench_line, &bench_mk, &bench_ck, &bench_rte };

struct side {
	void		   (*loop)(uint64_t count);
	uint64_t	   count;
	int		   cpu;
	pthread_barrier_t *begin;
	double		   ns;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void *run_side(void *arg)
{
	struct side *side = arg;
	cpu_set_t set;
	double start;

	CPU_ZERO(&set);
	CPU_SET(side->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %d", side->cpu);
	pthread_barrier_wait(side->begin);
	/* What is not measured: both come to run, and the memory is there */
	side->loop(side->count / 10);
	pthread_barrier_wait(side->begin);
	start = now();
	side->loop(side->count);
	side->ns = (now() - start) / side->count;
	return NULL;
}

/* Nanoseconds for each, by the clock of the side that ends last */
static double measure(const int cpus[2], void (*near)(uint64_t), void (*far)(uint64_t),
		      uint64_t count)
{
	pthread_barrier_t begin;
	struct side sides[2] = {
		{ .loop = near, .count = count, .cpu = cpus[0], .begin = &begin },
		{ .loop = far, .count = count, .cpu = cpus[1], .begin = &begin },
	};
	pthread_t thread;

	pthread_barrier_init(&begin, NULL, 2);
	if (pthread_create(&thread, NULL, run_side, &sides[1]))
		errx(1, "no thread");
	run_side(&sides[0]);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&begin);
	return sides[0].ns > sides[1].ns ? sides[0].ns : sides[1].ns;
}

int main(int argc, char **argv)
{
	const struct bench_ring *ring;
	int cpus[2], rounds, round;
	uint64_t pings, messages;
	size_t i;

	if (argc != 6)
		errx(2, "usage: bench-rings CPU CPU ROUNDS PINGS MESSAGES");
	cpus[0] = atoi(argv[1]);
	cpus[1] = atoi(argv[2]);
	rounds = atoi(argv[3]);
	pings = strtoull(argv[4], NULL, 0);
	messages = strtoull(argv[5], NULL, 0);
	for (round = 1; round <= rounds; round++) {
		for (i = 0; i < sizeof(rings) / sizeof(*rings); i++) {
			ring = rings[i];
			ring->open();
			printf("ping,%s,%d,%.2f\n", ring->name, round,
			       measure(cpus, ring->ping, ring->pong, pings));
			if (!ring->send)
				continue;
			ring->open();
			printf("stream,%s,%d,%.2f\n", ring->name, round,
			       measure(cpus, ring->send, ring->receive, messages));
			fflush(stdout);
		}
	}
	return 0;
}
