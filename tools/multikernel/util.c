// SPDX-License-Identifier: GPL-2.0
/* What the commands share: errors, numbers, the device, waiting for a state. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include "mk.h"

#define POLL_NS		20000000

static const char * const state_names[] = {
	[MK_STATE_ABSENT]	= "absent",
	[MK_STATE_STARTED]	= "started",
	[MK_STATE_UP]		= "up",
	[MK_STATE_PARKED]	= "parked",
	[MK_STATE_STOPPED]	= "stopped",
	[MK_STATE_HUNG]		= "hung",
	[MK_STATE_BROKEN]	= "broken",
	[MK_STATE_REFUSED]	= "refused",
};

static const char * const reason_names[] = {
	[MK_REASON_NONE]	= "none",
	[MK_REASON_REBOOT]	= "reboot",
	[MK_REASON_HALT]	= "halt",
	[MK_REASON_POWEROFF]	= "poweroff",
	[MK_REASON_PANIC]	= "panic",
};

/* strtoull() takes white space and a minus sign, too; a number here is digits */
static bool parse_digits(const char *text, const char **end, unsigned long long *value)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &stop, 0);
	*end = stop;
	return !errno;
}

bool parse_number(const char *text, unsigned long long max, unsigned long long *value)
{
	const char *end;

	return parse_digits(text, &end, value) && !*end && *value <= max;
}

/* One number, or two with a hyphen between; @text comes to its end */
static bool parse_range(const char **text, unsigned long long *first, unsigned long long *last)
{
	if (!parse_digits(*text, text, first))
		return false;
	*last = *first;
	if (**text == '-' && !parse_digits(*text + 1, text, last))
		return false;
	return *first <= *last && *last < MK_NO_CPU;
}

unsigned int parse_cpus(const char *text, __u32 *cpus)
{
	unsigned long long first, last;
	unsigned int nr_cpus = 0;

	for (;;) {
		if (!parse_range(&text, &first, &last) || last - first >= MK_MAX_CPUS - nr_cpus)
			return 0;
		while (first <= last)
			cpus[nr_cpus++] = first++;
		if (!*text)
			return nr_cpus;
		if (*text++ != ',')
			return 0;
	}
}

const char *format_cpus(char *text, const __u32 *cpus, unsigned int nr_cpus)
{
	unsigned int i, first, len = 0;

	*text = '\0';
	for (i = 0; i < nr_cpus; i++) {
		first = i;
		while (i + 1 < nr_cpus && cpus[i + 1] == cpus[i] + 1)
			i++;
		len += snprintf(text + len, CPUS_TEXT - len, "%s%u", len ? "," : "", cpus[first]);
		if (i > first)
			len += snprintf(text + len, CPUS_TEXT - len, "-%u", cpus[i]);
	}
	return text;
}

bool parse_size(const char *text, unsigned long long *value)
{
	static const char units[] = "KMG";
	unsigned int shift = 0;
	const char *end, *unit;

	if (!parse_digits(text, &end, value))
		return false;
	if (*end) {
		unit = strchr(units, *end++);
		if (!unit || *end)
			return false;
		shift = 10 * (unit - units + 1);
	}
	if (*value > ~0ULL >> shift)
		return false;
	*value <<= shift;
	return true;
}

void format_age(char text[AGE_SIZE], unsigned long long ms)
{
	unsigned long long seconds = ms / 1000;

	if (seconds < 60)
		snprintf(text, AGE_SIZE, "%llu.%llus", seconds, ms % 1000 / 100);
	else if (seconds < 3600)
		snprintf(text, AGE_SIZE, "%llum", seconds / 60);
	else if (seconds < 2 * 86400)
		snprintf(text, AGE_SIZE, "%lluh", seconds / 3600);
	else
		snprintf(text, AGE_SIZE, "%llud", seconds / 86400);
}

int open_device(const char *path, const char *option)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		complain("no %s: run a kernel with %s=y, and mount devtmpfs on /dev", path, option);
	else if (errno == EACCES || errno == EPERM)
		complain("%s: only root may open it", path);
	else
		complain("%s: %s", path, strerror(errno));
	return -1;
}

int open_multikernel(void)
{
	return open_device(MK_DEVICE, "CONFIG_MULTIKERNEL");
}

int get_info_cpus(int fd, unsigned int instance, struct mk_info *info, __u32 *cpus)
{
	*info = (struct mk_info) {
		.size = sizeof(*info),
		.instance = instance,
		.nr_cpus = cpus ? MK_MAX_CPUS : 0,
		.cpus = (unsigned long)cpus,
	};
	return ioctl(fd, MK_IOC_INFO, info) ? errno : 0;
}

int get_info(int fd, unsigned int instance, struct mk_info *info)
{
	return get_info_cpus(fd, instance, info, NULL);
}

int fail_info(unsigned int instance, int err)
{
	switch (err) {
	case EINVAL:
		return fail("there is no instance number %u: mk ls shows the instances", instance);
	case ENODEV:
		return fail("this kernel has no region: boot with reserve_mem=SIZE:2M:multikernel");
	case E2BIG:
	case ENOTTY:
		return fail("mk and the running kernel do not fit: build both from one source");
	default:
		return fail("instance %u: %s", instance, strerror(err));
	}
}

const char *state_name(unsigned int state)
{
	return state < ARRAY_SIZE(state_names) ? state_names[state] : "unknown";
}

const char *reason_name(unsigned int reason)
{
	return reason < ARRAY_SIZE(reason_names) ? reason_names[reason] : "unknown";
}

double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Nobody leaves these states without being spawned again */
static bool gone(unsigned int state)
{
	return state == MK_STATE_ABSENT || state == MK_STATE_PARKED ||
	       state == MK_STATE_STOPPED || state == MK_STATE_REFUSED;
}

int wait_for(int fd, unsigned int instance, enum mk_state state, unsigned int seconds,
	     struct mk_info *info)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	double end = seconds_now() + seconds;
	int err;

	for (;;) {
		err = get_info(fd, instance, info);
		if (err)
			return fail_info(instance, err);
		if (info->state == state)
			return 0;
		if (gone(info->state))
			return fail("instance %u is %s (reason: %s) and will not be %s", instance,
				    state_name(info->state), reason_name(info->reason),
				    state_name(state));
		if (seconds_now() >= end)
			return fail("instance %u is %s and not %s after %u s: see its console",
				    instance, state_name(info->state), state_name(state),
				    seconds);
		nanosleep(&pause, NULL);
	}
}
