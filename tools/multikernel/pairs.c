// SPDX-License-Identifier: GPL-2.0
/* What the commands share by which instances send messages to each other. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "pairs.h"

#define MAX_INSTANCES	64

const char * const lane_words[] = {
	[MK_STREAM_URGENT]	= "urgent",
	[MK_STREAM_BULK]	= "bulk",
	NULL
};

const char *pairs_error(int err)
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
	case EPROTO:
		return "they speak different protocols: use kernels built from one source";
	case EOPNOTSUPP:
		return "one of them takes no such messages: CONFIG_SAMPLE_MULTIKERNEL_PING is off";
	case ENOSPC:
		return "no room for a ring: give the region more";
	case EIO:
		return "one of them can't be rung: its doors make no sense";
	case EINVAL:
		return "the kernel refuses an argument: mk help shows what it takes";
	case EPERM:
		return "only root may";
	default:
		return strerror(err);
	}
}

int pairs_fail(const struct session *session, unsigned int from, unsigned int to, int err)
{
	return fail("%s %u -> %u: %s", session->name, from, to, pairs_error(err));
}

static int take_word(const char *command, const struct field *field, const char *text)
{
	for (unsigned int i = 0; field->words[i]; i++) {
		if (!strcmp(text, field->words[i])) {
			*field->value = i;
			return 0;
		}
	}
	fprintf(stderr, "mk: %s: --%s is %s", command, field->name, field->words[0]);
	for (unsigned int i = 1; field->words[i]; i++)
		fprintf(stderr, "%s%s", field->words[i + 1] ? ", " : " or ", field->words[i]);
	fputc('\n', stderr);
	return MK_USAGE;
}

static int take_number(const char *command, const struct field *field, const char *text)
{
	unsigned long long value;

	if (!parse_number(text, field->max, &value) || value < field->min)
		return misused("%s: --%s is %u to %u", command, field->name, field->min,
			       field->max);
	*field->value = value;
	return 0;
}

int pairs_options(struct session *session, const struct field *fields, int argc, char **argv)
{
	const struct field ends[] = {
		{ .name = "from", .value = &session->from, .max = MK_PING_SELF - 1 },
		{ .name = "to", .value = &session->to, .max = MK_PING_SELF - 1 },
	};
	struct option options[ARRAY_SIZE(ends) + 2 + MAX_FIELDS + 1] = {
		{ "json", no_argument, NULL, 'j' },
	};
	const struct field *taken[ARRAY_SIZE(options)] = { };
	int opt, index, ret, n = 1;

	if (session->send) {
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
			taken[n++] = &ends[i];
	}
	while (fields->name)
		taken[n++] = fields++;
	for (int i = 1; i < n; i++)
		options[i] = (struct option) { taken[i]->name, required_argument, NULL, 0 };
	if (session->send)
		options[n] = (struct option) { "all", no_argument, NULL, 'a' };
	session->from = MK_PING_SELF;
	session->to = MK_PING_SELF;

	while ((opt = getopt_long(argc, argv, "", options, &index)) != -1) {
		switch (opt) {
		case 'a':
			session->all = true;
			continue;
		case 'j':
			session->json = true;
			continue;
		case '?':
			return MK_USAGE;
		}
		ret = taken[index]->words ? take_word(session->name, taken[index], optarg) :
					    take_number(session->name, taken[index], optarg);
		if (ret)
			return ret;
	}
	if (optind != argc)
		return misused("%s: %s is no option: mk help lists them", session->name,
			       argv[optind]);
	if (session->all && session->to != MK_PING_SELF)
		return misused("%s: --all leaves no choice of --to", session->name);
	if (session->send && !session->all && session->to == MK_PING_SELF)
		return misused("%s: to whom? --to N, or --all", session->name);
	return 0;
}

static int send_all(struct session *session, int device)
{
	unsigned int up[MAX_INSTANCES], nr_up = 0, n = 0;
	struct mk_info info;
	bool found = false;
	int err, ret = 0;

	do {
		err = get_info(device, n, &info);
		if (err)
			return fail_info(n, err);
		if (info.state == MK_STATE_UP && nr_up < MAX_INSTANCES)
			up[nr_up++] = n;
	} while (++n < info.nr_instances);
	if (nr_up < 2)
		return fail("%s: no two instances are up: mk spawn one first", session->name);

	for (unsigned int i = 0; i < nr_up; i++) {
		if (session->from != MK_PING_SELF && session->from != up[i])
			continue;
		found = true;
		for (unsigned int j = 0; j < nr_up; j++)
			if (i != j)
				ret |= session->send(session, up[i], up[j]);
	}
	if (!found)
		return fail("%s: instance %u is not up: mk ls shows their states", session->name,
			    session->from);
	return ret;
}

static int send_one(struct session *session, int device)
{
	struct mk_info info;
	int err;

	err = get_info(device, session->to, &info);
	if (err)
		return fail_info(session->to, err);
	if (session->from == MK_PING_SELF)
		session->from = info.self;
	return session->send(session, session->from, session->to);
}

int pairs_send(struct session *session)
{
	int device, ret = 1;

	device = open_multikernel();
	if (device < 0)
		return 1;
	session->ping = open_device("/dev/mk_ping", "CONFIG_SAMPLE_MULTIKERNEL_PING");
	if (session->ping >= 0) {
		ret = session->all ? send_all(session, device) : send_one(session, device);
		close(session->ping);
	}
	close(device);
	return ret;
}
