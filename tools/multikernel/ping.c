// SPDX-License-Identifier: GPL-2.0
/* mk ping: have instances exchange messages and show how it went. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "mk.h"
#include "../../samples/multikernel/mk_ping.h"

#define MAX_INSTANCES	64

struct session {
	int	device;		/* /dev/multikernel */
	int	ping;		/* /dev/mk_ping */
	bool	json;
	bool	headed;		/* the table's head is printed */
};

static const char *error_text(int err)
{
	switch (err) {
	case ENOENT:
		return "there is no such instance: mk ls shows them";
	case ENOTCONN:
		return "one of them is not up: mk ls shows their states";
	case ECONNRESET:
		return "one of them has gone meanwhile: mk ls shows their states";
	case ETIMEDOUT:
		return "no answer in time: mk ls shows who is up, --timeout gives more time";
	case EAGAIN:
		return "the ring stays full: see whether the other end is alive";
	case EPROTO:
		return "they speak different protocols: use kernels built from one source";
	case EBUSY:
		return "another exchange is under way: try again after it";
	case EINVAL:
		return "the kernel refuses an argument: mk help shows what it takes";
	case EPERM:
		return "only root may";
	default:
		return strerror(err);
	}
}

static int fail_exchange(const struct mk_ping *ping, int err)
{
	return fail("ping %u -> %u: %s", ping->from, ping->to, error_text(err));
}

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

static int exchange(struct session *s, struct mk_ping ping)
{
	if (ioctl(s->ping, MK_PING_IOC_RUN, &ping))
		return fail_exchange(&ping, errno);
	if (s->json)
		print_json(&ping);
	else if (ping.done || !ping.error)
		print_row(&ping, &s->headed);
	fflush(stdout);
	if (ping.error)
		return fail_exchange(&ping, ping.error);
	return ping.done != ping.count || ping.lost || ping.reordered || ping.damaged;
}

static int exchange_all(struct session *s, struct mk_ping ping)
{
	unsigned int up[MAX_INSTANCES], nr_up = 0, n = 0;
	struct mk_info info;
	int err, ret = 0;

	do {
		err = get_info(s->device, n, &info);
		if (err)
			return fail_info(n, err);
		if (info.state == MK_STATE_UP && nr_up < MAX_INSTANCES)
			up[nr_up++] = n;
	} while (++n < info.nr_instances);
	if (nr_up < 2)
		return fail("ping: no two instances are up: mk spawn one first");

	for (unsigned int i = 0; i < nr_up; i++) {
		for (unsigned int j = 0; j < nr_up; j++) {
			if (i == j)
				continue;
			ping.from = up[i];
			ping.to = up[j];
			ret |= exchange(s, ping);
		}
	}
	return ret;
}

static int run(struct session *s, struct mk_ping ping, bool all)
{
	struct mk_info info;
	int err, ret = 1;

	s->device = open_multikernel();
	if (s->device < 0)
		return 1;
	s->ping = open_device("/dev/mk_ping", "CONFIG_SAMPLE_MULTIKERNEL_PING");
	if (s->ping < 0)
		goto close_device;
	if (all) {
		ret = exchange_all(s, ping);
	} else {
		err = get_info(s->device, ping.to, &info);
		if (err) {
			ret = fail_info(ping.to, err);
			goto close_ping;
		}
		if (ping.from == MK_PING_SELF)
			ping.from = info.self;
		ret = exchange(s, ping);
	}
close_ping:
	close(s->ping);
close_device:
	close(s->device);
	return ret;
}

int cmd_ping(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'c' },
		{ "size", required_argument, NULL, 's' },
		{ "window", required_argument, NULL, 'w' },
		{ "timeout", required_argument, NULL, 'm' },
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	struct mk_ping ping = {
		.from = MK_PING_SELF,
		.to = MK_PING_SELF,
		.count = 10000,
		.size = 56,
		.window = 1,
		.timeout_ms = 5000,
	};
	unsigned long long value;
	struct session s = { };
	bool all = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'a') {
			all = true;
			continue;
		}
		if (opt == 'j') {
			s.json = true;
			continue;
		}
		if (opt == '?')
			return MK_USAGE;
		if (!parse_number(optarg, MK_PING_SELF - 1, &value))
			return misused("ping: %s is no number", optarg);
		if (opt == 'f')
			ping.from = value;
		else if (opt == 't')
			ping.to = value;
		else if (opt == 'c')
			ping.count = value;
		else if (opt == 's')
			ping.size = value;
		else if (opt == 'w')
			ping.window = value;
		else
			ping.timeout_ms = value;
	}
	if (optind != argc)
		return misused("ping: %s is no option: mk help lists them", argv[optind]);
	if (ping.count < 1 || ping.count > MK_PING_MAX_COUNT)
		return misused("ping: --count is 1 to %u", MK_PING_MAX_COUNT);
	if (ping.size < MK_PING_MIN_SIZE || ping.size > MK_PING_MAX_SIZE)
		return misused("ping: --size is %u to %u", MK_PING_MIN_SIZE, MK_PING_MAX_SIZE);
	if (ping.window < 1 || ping.window > MK_PING_MAX_WINDOW)
		return misused("ping: --window is 1 to %u", MK_PING_MAX_WINDOW);
	if (ping.timeout_ms < 1 || ping.timeout_ms > MK_PING_MAX_TIMEOUT_MS)
		return misused("ping: --timeout is 1 to %u ms", MK_PING_MAX_TIMEOUT_MS);
	if (all && (ping.to != MK_PING_SELF || ping.from != MK_PING_SELF))
		return misused("ping: --all leaves no choice of --from and --to");
	if (!all && ping.to == MK_PING_SELF)
		return misused("ping: to whom? --to N, or --all");
	return run(&s, ping, all);
}
