// SPDX-License-Identifier: GPL-2.0
/* mk mix: mixed traffic between all kernels, for as long as told, and what came of it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "pairs.h"

#define POLL_NS		100000000
#define STOP_MS		30000

/* enum mk_ipi_peer_state, as the sample gives it */
#define PEER_UP		2
#define PEER_HUNG	3

static const char * const states[] = { "absent", "down", "up", "hung", "broken", "refused" };

static const char * const defects[] = {
	[MK_MIX_DEFECT_NONE]	= "none",
	[MK_MIX_DEFECT_LOSE]	= "lose",
	[MK_MIX_DEFECT_DOUBLE]	= "double",
	[MK_MIX_DEFECT_REORDER]	= "reorder",
	[MK_MIX_DEFECT_DAMAGE]	= "damage",
	NULL
};

/* A count that has to grow as long as a life of a peer lasts */
struct flow {
	__u64	count;
	double	grown;		/* when it did; 0: not yet in this life */
};

/* What was seen of a peer */
struct watch {
	struct flow	sent;
	struct flow	received;
	__u32		ends;
	double		stalled;	/* for so long now */
	double		longest;	/* after which it went on, in the same life */
};

struct mix {
	bool		json;
	__u32		seed;
	int		fd;
	sigset_t	signals;	/* those that end it */
	double		began;
	struct mk_mix	first;
	struct mk_mix	now;
	struct mk_mix	shown;		/* a second ago */
	double		shown_at;
	double		looked_at;
	double		paused;		/* longest time between two looks: this kernel's own */
	struct watch	watch[MK_MIX_MAX_PEERS];
};

/* All kernels and peers together */
struct total {
	struct mk_mix_sums sums;
	__u64	messages;	/* sent by this kernel, of whatever kind */
	__u64	doorbells;
	__u32	deaths;
	double	longest;	/* stall */
};

static double flow_look(struct flow *flow, __u64 count, double now, double *longest)
{
	double since = flow->grown ? now - flow->grown : 0;

	if (count != flow->count) {
		if (since > *longest)
			*longest = since;
		flow->grown = now;
		flow->count = count;
		since = 0;
	}
	return since;
}

static void look(struct mix *mix, double now)
{
	for (unsigned int n = 0; n < MK_MIX_MAX_PEERS; n++) {
		const struct mk_mix_peer *peer = &mix->now.peer[n];
		struct watch *watch = &mix->watch[n];
		double sent, received;

		if ((peer->state != PEER_UP && peer->state != PEER_HUNG) ||
		    peer->ends != watch->ends) {
			watch->sent.grown = 0;
			watch->received.grown = 0;
			watch->sent.count = peer->here.sent;
			watch->received.count = peer->here.received;
			watch->ends = peer->ends;
			watch->stalled = 0;
			continue;
		}
		sent = flow_look(&watch->sent, peer->here.sent, now, &watch->longest);
		received = flow_look(&watch->received, peer->here.received, now, &watch->longest);
		watch->stalled = sent > received ? sent : received;
	}
}

static void add(struct mk_mix_sums *sums, const struct mk_mix_sums *more)
{
	sums->sent += more->sent;
	sums->received += more->received;
	sums->bytes += more->bytes;
	sums->calls += more->calls;
	sums->lost += more->lost;
	sums->reordered += more->reordered;
	sums->doubled += more->doubled;
	sums->damaged += more->damaged;
	sums->strays += more->strays;
	sums->full += more->full;
	sums->gone += more->gone;
	sums->late += more->late;
	sums->other += more->other;
	sums->last_other = more->last_other ? more->last_other : sums->last_other;
}

static struct total total(const struct mix *mix, const struct mk_mix *read)
{
	struct total total = { };

	for (unsigned int n = 0; n < MK_MIX_MAX_PEERS; n++) {
		const struct mk_mix_peer *peer = &read->peer[n];
		const struct watch *watch = &mix->watch[n];

		add(&total.sums, &peer->here);
		add(&total.sums, &peer->there);
		total.messages += peer->messages - mix->first.peer[n].messages;
		total.doorbells += peer->doorbells - mix->first.peer[n].doorbells;
		total.deaths += peer->ends - mix->first.peer[n].ends;
		if (watch->longest > total.longest)
			total.longest = watch->longest;
		if (watch->stalled > total.longest)
			total.longest = watch->stalled;
	}
	return total;
}

static const char *state_word(unsigned int state)
{
	return state < ARRAY_SIZE(states) ? states[state] : "unknown";
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void print_sums(const struct mk_mix_sums *sums)
{
	printf("\"sent\":%llu,\"received\":%llu,\"bytes\":%llu,\"calls\":%llu,\"lost\":%u,",
	       sums->sent, sums->received, sums->bytes, sums->calls, sums->lost);
	printf("\"reordered\":%u,\"doubled\":%u,\"damaged\":%u,\"strays\":%u,\"full\":%u,",
	       sums->reordered, sums->doubled, sums->damaged, sums->strays, sums->full);
	printf("\"gone\":%u,\"late\":%u,\"other\":%u,\"last_other\":%u", sums->gone, sums->late,
	       sums->other, sums->last_other);
}

static void print_peers(const struct mix *mix)
{
	const char *comma = "";

	printf("\"peers\":[");
	for (unsigned int n = 0; n < MK_MIX_MAX_PEERS; n++) {
		const struct mk_mix_peer *peer = &mix->now.peer[n];
		const struct watch *watch = &mix->watch[n];

		if (!peer->state || n == mix->now.self)
			continue;
		printf("%s{\"peer\":%u,\"state\":\"%s\",\"deaths\":%u,\"running\":%s,", comma, n,
		       state_word(peer->state), peer->ends - mix->first.peer[n].ends,
		       peer->running ? "true" : "false");
		printf("\"stall_ms\":%.0f,\"longest_stall_ms\":%.0f,\"here\":{",
		       watch->stalled * 1e3, watch->longest * 1e3);
		print_sums(&peer->here);
		printf("},\"there\":{");
		print_sums(&peer->there);
		printf("}}");
		comma = ",";
	}
	printf("]");
}

static void print_json(const struct mix *mix, double now, const char *end)
{
	struct total all = total(mix, &mix->now);

	printf("{\"seconds\":%.1f,\"seed\":%u,%s\"deaths\":%u,\"longest_stall_ms\":%.0f,",
	       now - mix->began, mix->seed, end, all.deaths, all.longest * 1e3);
	printf("\"paused_ms\":%.0f,\"doorbells_per_message\":%.4f,", mix->paused * 1e3,
	       ratio(all.doorbells, all.messages));
	print_sums(&all.sums);
	printf(",");
	print_peers(mix);
	puts("}");
}

static void print_line(const struct mix *mix, double now)
{
	struct total all = total(mix, &mix->now), before = total(mix, &mix->shown);
	double seconds = now - mix->shown_at;

	printf("%5.0f s  %7.0f msg/s  %6.2f MB/s  %5.0f calls/s  %5.3f doorbells/msg",
	       now - mix->began,
	       ratio(all.sums.sent - before.sums.sent, seconds),
	       ratio(all.sums.bytes - before.sums.bytes, seconds) / 1e6,
	       ratio(all.sums.calls - before.sums.calls, seconds),
	       ratio(all.doorbells - before.doorbells, all.messages - before.messages));
	printf("  lost %u  wrong %u  deaths %u ", all.sums.lost,
	       all.sums.reordered + all.sums.doubled + all.sums.damaged, all.deaths);
	for (unsigned int n = 0; n < MK_MIX_MAX_PEERS; n++)
		if (mix->now.peer[n].state && n != mix->now.self)
			printf(" %u:%s", n, state_word(mix->now.peer[n].state));
	puts("");
}

static int read_mix(struct mix *mix)
{
	if (ioctl(mix->fd, MK_MIX_IOC_READ, &mix->now))
		return fail("mix: %s", pairs_error(errno));
	return 0;
}

static int show(struct mix *mix, unsigned int seconds)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	bool interrupted;
	double now;
	int ret;

	mix->shown = mix->now;
	look(mix, mix->began);
	do {
		interrupted = sigtimedwait(&mix->signals, NULL, &pause) > 0;
		ret = read_mix(mix);
		if (ret)
			return ret;
		now = seconds_now();
		look(mix, now);
		if (now - mix->looked_at > mix->paused)
			mix->paused = now - mix->looked_at;
		mix->looked_at = now;
		if (now - mix->shown_at < 1)
			continue;
		if (mix->json)
			print_json(mix, now, "");
		else
			print_line(mix, now);
		fflush(stdout);
		mix->shown = mix->now;
		mix->shown_at = now;
	} while (now - mix->began < seconds && !interrupted);
	return 0;
}

/* What is wrong with it, one line each; a peer that is not up may be in any state */
static int judge(const struct mix *mix, const struct total *all)
{
	const struct mk_mix_sums *sums = &all->sums;
	int ret = 0;

	if (sums->lost || sums->reordered || sums->doubled || sums->damaged)
		ret = fail("mix: %u lost, %u out of order, %u doubled, %u damaged", sums->lost,
			   sums->reordered, sums->doubled, sums->damaged);
	if (sums->other)
		ret = fail("mix: %u messages or calls failed, the last: %s", sums->other,
			   strerror(sums->last_other));
	for (unsigned int n = 0; n < MK_MIX_MAX_PEERS; n++) {
		const struct mk_mix_peer *peer = &mix->now.peer[n];

		if (peer->state != PEER_UP || n == mix->now.self)
			continue;
		if (!peer->here.sent || !peer->here.received || !peer->here.calls)
			ret = fail("mix: nothing went to instance %u, or came from it", n);
	}
	if (!sums->sent)
		ret = fail("mix: no other instance was up: mk spawn one first");
	return ret;
}

static void print_end(const struct mix *mix, const struct total *all, int ret)
{
	printf("%s: %llu messages, %llu bytes, %llu calls, ", ret ? "FAILED" : "ok",
	       all->sums.sent, all->sums.bytes, all->sums.calls);
	printf("%u deaths, %u strays, longest stall %.1f s, seed %u\n", all->deaths,
	       all->sums.strays, all->longest, mix->seed);
}

static int run(struct mix *mix, const struct mk_mix_start *start, unsigned int seconds)
{
	__u32 stop_ms = STOP_MS;
	struct total all;
	int ret;

	if (read_mix(mix))
		return 1;
	mix->first = mix->now;
	if (ioctl(mix->fd, MK_MIX_IOC_START, start))
		return fail("mix: %s", errno == EBUSY ? "it goes on already" : pairs_error(errno));
	mix->began = seconds_now();
	mix->shown_at = mix->began;
	mix->looked_at = mix->began;
	/* The sums of the one before are gone only now */
	ret = read_mix(mix) || show(mix, seconds);
	if (ioctl(mix->fd, MK_MIX_IOC_STOP, &stop_ms))
		ret = fail("mix: stop: %s", pairs_error(errno));
	if (read_mix(mix))
		return 1;
	all = total(mix, &mix->now);
	ret |= judge(mix, &all);
	if (mix->json)
		print_json(mix, seconds_now(), ret ? "\"ok\":false," : "\"ok\":true,");
	else
		print_end(mix, &all, ret);
	fflush(stdout);
	return ret;
}

int cmd_mix(int argc, char **argv)
{
	unsigned int seconds = 10, seed = 0, pause_us = 20000, defect = MK_MIX_DEFECT_NONE;
	const struct field fields[] = {
		{ "seconds", &seconds, 1, 1000000, NULL },
		{ "seed", &seed, 1, ~0U, NULL },
		{ "pause", &pause_us, 0, MK_MIX_MAX_PAUSE_US, NULL },
		{ "defect", &defect, 0, 0, defects },
		{ }
	};
	struct session session = { .name = "mix" };
	struct mk_mix_start start = { };
	struct mix mix = { };
	int ret = pairs_options(&session, fields, argc, argv);

	if (ret)
		return ret;
	if (!seed)
		seed = time(NULL) ^ getpid() << 16;
	start.seed = seed;
	start.pause_us = pause_us;
	start.defect = defect;
	mix.seed = seed;
	mix.json = session.json;
	mix.fd = open_device("/dev/mk_ping", "CONFIG_SAMPLE_MULTIKERNEL_PING");
	if (mix.fd < 0)
		return 1;
	sigemptyset(&mix.signals);
	sigaddset(&mix.signals, SIGINT);
	sigaddset(&mix.signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &mix.signals, NULL);
	if (!mix.json)
		printf("seed %u\n", seed);
	ret = run(&mix, &start, seconds);
	close(mix.fd);
	return ret;
}
