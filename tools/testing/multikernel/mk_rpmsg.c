// SPDX-License-Identifier: GPL-2.0
/*
 * A program for rpmsg as there may be any: it knows the character devices of rpmsg, and
 * that the bus to instance N is multikernel-rpmsg.N.
 *
 * mk_rpmsg create INSTANCE NAME [SRC [DST]]	a channel; addresses are numbers, or any
 * mk_rpmsg release INSTANCE NAME [SRC [DST]]	it goes
 * mk_rpmsg endpoint INSTANCE NAME SRC DST	a device for messages without a channel
 * mk_rpmsg path INSTANCE NAME			the device of it in /dev, waiting for it
 * mk_rpmsg gone INSTANCE NAME			wait until there is no such channel
 * mk_rpmsg echo DEVICE				send back what comes, until it goes
 * mk_rpmsg ask DEVICE COUNT			send to an echo, and look at what comes back
 * mk_rpmsg flood DEVICE COUNT			send, by poll, without waiting in write
 * mk_rpmsg sink DEVICE COUNT			take in what that sends, and look at it
 * mk_rpmsg flow DEVICE pause|resume		tell the other side to
 * mk_rpmsg told DEVICE pause|resume		wait until the other side has told so
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/rpmsg.h>

/* Not in the headers of every Linux that this is compiled on */
#ifndef RPMSG_SET_INCOMING_FLOWCONTROL
#define RPMSG_GET_OUTGOING_FLOWCONTROL	_IOR(0xb5, 0x5, int)
#define RPMSG_SET_INCOMING_FLOWCONTROL	_IOR(0xb5, 0x6, int)
#endif

#define MTU		(65536 - 16)
#define WAIT_MS		20000
#define STEP_MS		20

static unsigned char buffer[MTU + 1], answer[MTU + 1];

static int fail(const char *what)
{
	fprintf(stderr, "mk_rpmsg: %s: %s\n", what, strerror(errno));
	return 1;
}

static int misused(void)
{
	fprintf(stderr, "usage: mk_rpmsg create|release|endpoint INSTANCE NAME [SRC [DST]]\n"
		"       mk_rpmsg path|gone INSTANCE NAME\n"
		"       mk_rpmsg echo DEVICE\n"
		"       mk_rpmsg ask|flood|sink DEVICE COUNT\n"
		"       mk_rpmsg flow|told DEVICE pause|resume\n");
	return 2;
}

static bool parse_number(const char *text, unsigned long max, __u32 *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value > max)
		return false;
	*number = value;
	return true;
}

static bool parse_addr(const char *text, __u32 *addr)
{
	*addr = RPMSG_ADDR_ANY;
	return !strcmp(text, "any") || parse_number(text, RPMSG_ADDR_ANY - 1, addr);
}

/* Whether a device of rpmsg in sysfs is of that name; other devices have none */
static bool is_named(const char *path, const char *name)
{
	char file[300], is[64] = "";
	int fd;

	snprintf(file, sizeof(file), "%s/name", path);
	fd = open(file, O_RDONLY);
	if (fd < 0)
		return true;
	if (read(fd, is, sizeof(is) - 1) > 0)
		is[strcspn(is, "\n")] = 0;
	close(fd);
	return !strcmp(is, name);
}

/* The device in /dev that a channel, the control device, or an endpoint of it has */
static bool find(__u32 instance, const char *name, char *path, size_t size)
{
	static const char * const below[] = {
		"%s.*/rpmsg/rpmsg*", "%s.*/tty/ttyRPMSG*", "rpmsg_ctrl.*/rpmsg/rpmsg_ctrl*/rpmsg*",
	};
	char pattern[256];
	glob_t names;
	size_t len;

	for (size_t i = 0; i < sizeof(below) / sizeof(*below); i++) {
		len = snprintf(pattern, sizeof(pattern),
			       "/sys/devices/multikernel-rpmsg.%u/multikernel-rpmsg.%u.",
			       instance, instance);
		snprintf(pattern + len, sizeof(pattern) - len, below[i], name);
		if (glob(pattern, 0, NULL, &names))
			continue;
		for (size_t n = 0; n < names.gl_pathc; n++) {
			if (!is_named(names.gl_pathv[n], name))
				continue;
			snprintf(path, size, "/dev%s", strrchr(names.gl_pathv[n], '/'));
			return true;
		}
		globfree(&names);
	}
	return false;
}

static bool there(__u32 instance, const char *name)
{
	char pattern[256];
	glob_t names;
	bool found;

	snprintf(pattern, sizeof(pattern), "/sys/bus/rpmsg/devices/multikernel-rpmsg.%u.%s.*",
		 instance, name);
	found = !glob(pattern, 0, NULL, &names);
	if (found)
		globfree(&names);
	return found;
}

static int wait_path(__u32 instance, const char *name)
{
	char path[256];

	for (int ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		if (find(instance, name, path, sizeof(path))) {
			puts(path);
			return 0;
		}
		usleep(STEP_MS * 1000);
	}
	errno = ENODEV;
	return fail(name);
}

static int wait_gone(__u32 instance, const char *name)
{
	for (int ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		if (!there(instance, name))
			return 0;
		usleep(STEP_MS * 1000);
	}
	errno = EBUSY;
	return fail(name);
}

static int control(unsigned long request, __u32 instance, const char *name, __u32 src, __u32 dst)
{
	struct rpmsg_endpoint_info info = { .src = src, .dst = dst };
	char path[256];
	int fd;

	if (!find(instance, "rpmsg_ctrl", path, sizeof(path))) {
		fprintf(stderr, "mk_rpmsg: there is no bus to instance %u\n", instance);
		return 1;
	}
	/* As it is: what is no name the kernel has to refuse */
	snprintf(info.name, sizeof(info.name), "%s", name);
	fd = open(path, O_RDWR);
	if (fd < 0 || ioctl(fd, request, &info))
		return fail(name);
	return 0;
}

static int echo(int fd)
{
	ssize_t got;

	while ((got = read(fd, buffer, sizeof(buffer))) >= 0)
		if (write(fd, buffer, got) != got)
			return fail("write");
	return fail("read");
}

static void fill(unsigned char *bytes, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = seed * 31 + i * 7 + (i >> 8);
}

static int wrong(const char *what, __u32 number, ssize_t got, size_t len)
{
	fprintf(stderr, "mk_rpmsg: %s %u has %zd bytes, or others, and not %zu\n", what, number,
		got, len);
	return 1;
}

static int ask(int fd, __u32 count)
{
	static const size_t sizes[] = { 1, 0, 47, 48, 49, 500, 4096, MTU };
	size_t len;
	ssize_t got;

	if (write(fd, buffer, MTU + 1) >= 0 || errno != EMSGSIZE)
		return fail("a message that is too long");
	for (__u32 i = 0; i < count; i++) {
		len = sizes[i % (sizeof(sizes) / sizeof(*sizes))];
		fill(buffer, len, i);
		if (write(fd, buffer, len) != (ssize_t)len)
			return fail("write");
		got = read(fd, answer, sizeof(answer));
		if (got < 0)
			return fail("read");
		if (got != (ssize_t)len || memcmp(answer, buffer, len))
			return wrong("answer", i, got, len);
	}
	printf("%u answers\n", count);
	return 0;
}

static size_t flood_len(__u32 i)
{
	return i % 8 ? MTU - i % 100 : 4 + i % 50;
}

static int flood(int fd, __u32 count)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	unsigned int full = 0;
	time_t began;
	size_t len;

	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		return fail("O_NONBLOCK");
	for (__u32 i = 0; i < count; i++) {
		len = flood_len(i);
		fill(buffer, len, i);
		memcpy(buffer, &i, sizeof(i));
		while (write(fd, buffer, len) < 0) {
			if (errno != EAGAIN)
				return fail("write");
			full++;
			began = time(NULL);
			if (poll(&poll_fd, 1, WAIT_MS) != 1 || !(poll_fd.revents & POLLOUT)) {
				fprintf(stderr, "mk_rpmsg: message %u: poll says %#x\n", i,
					poll_fd.revents);
				return 1;
			}
			/* It looks once more when its time is up, and finds room then */
			if (time(NULL) - began >= WAIT_MS / 1000 - 1) {
				fprintf(stderr, "mk_rpmsg: message %u: poll was not woken\n", i);
				return 1;
			}
		}
	}
	printf("%u messages, full %u times\n", count, full);
	return 0;
}

static int sink(int fd, __u32 count)
{
	size_t len;
	ssize_t got;

	for (__u32 i = 0; i < count; i++) {
		len = flood_len(i);
		fill(answer, len, i);
		memcpy(answer, &i, sizeof(i));
		got = read(fd, buffer, sizeof(buffer));
		if (got < 0)
			return fail("read");
		if (got != (ssize_t)len || memcmp(answer, buffer, len))
			return wrong("message", i, got, len);
	}
	printf("%u messages\n", count);
	return 0;
}

static int flow(int fd, bool pause)
{
	if (ioctl(fd, RPMSG_SET_INCOMING_FLOWCONTROL, (unsigned long)pause))
		return fail("RPMSG_SET_INCOMING_FLOWCONTROL");
	return 0;
}

static int told(int fd, bool pause)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };
	int is = -1;

	if (poll(&poll_fd, 1, WAIT_MS) != 1) {
		errno = ETIMEDOUT;
		return fail("poll");
	}
	if (ioctl(fd, RPMSG_GET_OUTGOING_FLOWCONTROL, &is))
		return fail("RPMSG_GET_OUTGOING_FLOWCONTROL");
	if (is == pause)
		return 0;
	fprintf(stderr, "mk_rpmsg: the other side said %d\n", is);
	return 1;
}

static int on_device(int argc, char **argv)
{
	__u32 count;
	int fd;

	if (argc != (strcmp(argv[1], "echo") ? 4 : 3))
		return misused();
	fd = open(argv[2], O_RDWR);
	if (fd < 0)
		return fail(argv[2]);
	if (argc == 3)
		return echo(fd);
	if (!strcmp(argv[3], "pause") || !strcmp(argv[3], "resume")) {
		if (!strcmp(argv[1], "flow"))
			return flow(fd, argv[3][0] == 'p');
		if (!strcmp(argv[1], "told"))
			return told(fd, argv[3][0] == 'p');
		return misused();
	}
	if (!parse_number(argv[3], 1000000, &count))
		return misused();
	if (!strcmp(argv[1], "ask"))
		return ask(fd, count);
	if (!strcmp(argv[1], "flood"))
		return flood(fd, count);
	return strcmp(argv[1], "sink") ? misused() : sink(fd, count);
}

static int on_bus(int argc, char **argv)
{
	__u32 instance, src = RPMSG_ADDR_ANY, dst = RPMSG_ADDR_ANY;

	if (argc < 4 || argc > 6 || !parse_number(argv[2], 63, &instance))
		return misused();
	if ((argc > 4 && !parse_addr(argv[4], &src)) || (argc > 5 && !parse_addr(argv[5], &dst)))
		return misused();
	if (!strcmp(argv[1], "create"))
		return control(RPMSG_CREATE_DEV_IOCTL, instance, argv[3], src, dst);
	if (!strcmp(argv[1], "release"))
		return control(RPMSG_RELEASE_DEV_IOCTL, instance, argv[3], src, dst);
	if (!strcmp(argv[1], "endpoint"))
		return control(RPMSG_CREATE_EPT_IOCTL, instance, argv[3], src, dst);
	if (argc > 4)
		return misused();
	if (!strcmp(argv[1], "path"))
		return wait_path(instance, argv[3]);
	return wait_gone(instance, argv[3]);
}

int main(int argc, char **argv)
{
	static const char * const bus[] = { "create", "release", "endpoint", "path", "gone" };
	static const char * const device[] = { "echo", "ask", "flood", "sink", "flow", "told" };

	for (size_t i = 0; argc > 1 && i < sizeof(bus) / sizeof(*bus); i++)
		if (!strcmp(argv[1], bus[i]))
			return on_bus(argc, argv);
	for (size_t i = 0; argc > 1 && i < sizeof(device) / sizeof(*device); i++)
		if (!strcmp(argv[1], device[i]))
			return on_device(argc, argv);
	return misused();
}
