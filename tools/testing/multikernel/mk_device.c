// SPDX-License-Identifier: GPL-2.0
/*
 * Asks /dev/multikernel for what it must refuse, and says of each case whether it did.
 *
 * mk_device BZIMAGE CPU		a CPU that is offline and can be lent
 * mk_device --fail BZIMAGE CPU		allocations fail, one by one, while it spawns
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../../include/uapi/linux/multikernel.h"

#define RAM		(64ULL << 20)
#define PAGE		4096
#define NOWHERE		((void *)8)
#define FAIL_NTH	"/proc/thread-self/fail-nth"

static int device, image;
static __u32 cpu;
static int failures;

static void check(const char *what, int ret, int expected)
{
	int err = ret < 0 ? errno : 0;

	if (err == expected)
		return;
	printf("%s: %s, and not %s\n", what, strerror(err), strerror(expected));
	failures++;
}

static void expect(const char *what, bool is)
{
	if (is)
		return;
	printf("%s: is not so\n", what);
	failures++;
}

static struct mk_spawn spawn_args(void)
{
	return (struct mk_spawn) {
		.size = sizeof(struct mk_spawn),
		.kernel_fd = image,
		.initrd_fd = -1,
		.nr_cpus = 1,
		.cpus = (unsigned long)&cpu,
		.instance = MK_ANY_INSTANCE,
		.ram = RAM,
	};
}

/* A page that the kernel can read, and not write */
static void *read_only(const void *data, size_t size)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		exit(2);
	memcpy(page, data, size);
	mprotect(page, PAGE, PROT_READ);
	return page;
}

/* What the structures have in common: the size that they say */
static void sizes(const char *what, unsigned long cmd, size_t size)
{
	static char buf[3 * PAGE];
	__u32 *said = (__u32 *)buf;

	memset(buf, 0, sizeof(buf));
	check(what, ioctl(device, cmd, NULL), EFAULT);
	check(what, ioctl(device, cmd, NOWHERE), EFAULT);
	*said = 0;
	check(what, ioctl(device, cmd, buf), EINVAL);
	*said = size - 1;
	check(what, ioctl(device, cmd, buf), EINVAL);
	*said = PAGE + 1;
	check(what, ioctl(device, cmd, buf), E2BIG);
	*said = 0xffffffff;
	check(what, ioctl(device, cmd, buf), E2BIG);
	/* A structure of later days that asks for what this kernel does not know */
	*said = size + 8;
	buf[size + 7] = 1;
	check(what, ioctl(device, cmd, buf), E2BIG);
}

static void info_cases(void)
{
	struct mk_info info[2] = {};
	void *page;

	sizes("info size", MK_IOC_INFO, sizeof(*info));
	info[0].size = sizeof(info);
	check("info of later days", ioctl(device, MK_IOC_INFO, info), 0);
	info[0] = (struct mk_info) { .size = sizeof(*info), .instance = info[0].nr_instances };
	check("info of nobody", ioctl(device, MK_IOC_INFO, info), EINVAL);
	info[0].instance = 0xffffffff;
	check("info of nobody at all", ioctl(device, MK_IOC_INFO, info), EINVAL);
	info[0].instance = 0;
	page = read_only(info, sizeof(*info));
	check("info to be read only", ioctl(device, MK_IOC_INFO, page), EFAULT);
}

static void stop_cases(void)
{
	struct mk_stop stop = { .size = sizeof(stop) };

	sizes("stop size", MK_IOC_STOP, sizeof(stop));
	check("stop of the host", ioctl(device, MK_IOC_STOP, &stop), ENOENT);
	stop.instance = 7;
	check("stop of nobody", ioctl(device, MK_IOC_STOP, &stop), ENOENT);
	stop.instance = 4096;
	check("stop of nobody at all", ioctl(device, MK_IOC_STOP, &stop), ENOENT);
}

static void console_cases(void)
{
	struct mk_console console = { .size = sizeof(console) };

	sizes("console size", MK_IOC_CONSOLE, sizeof(console));
	check("console of the host", ioctl(device, MK_IOC_CONSOLE, &console), ENOENT);
	console.instance = 7;
	check("console of nobody", ioctl(device, MK_IOC_CONSOLE, &console), ENOENT);
	console.instance = 0xffffffff;
	check("console of nobody at all", ioctl(device, MK_IOC_CONSOLE, &console), ENOENT);
}

/* One field is wrong */
#define SPAWN_CASE(_what, _expected, ...) do {				\
	struct mk_spawn args = spawn_args();				\
									\
	__VA_ARGS__;							\
	check("spawn: " _what, ioctl(device, MK_IOC_SPAWN, &args), _expected); \
} while (0)

static void spawn_cases(void)
{
	int folder = open("/", O_RDONLY | O_CLOEXEC), pipes[2];
	struct mk_spawn bad;

	if (pipe(pipes))
		exit(2);
	sizes("spawn size", MK_IOC_SPAWN, sizeof(struct mk_spawn));
	SPAWN_CASE("no CPU", EINVAL, args.nr_cpus = 0);
	SPAWN_CASE("too many CPUs", EINVAL, args.nr_cpus = MK_MAX_CPUS + 1);
	SPAWN_CASE("CPUs from nowhere", EFAULT, args.cpus = (unsigned long)NOWHERE);
	SPAWN_CASE("no command line", EFAULT, args.cmdline = 8; args.cmdline_len = 8);
	SPAWN_CASE("long command line", E2BIG, args.cmdline_len = 0xffffffff);
	SPAWN_CASE("no file", EBADF, args.kernel_fd = -1);
	SPAWN_CASE("a folder", ENOEXEC, args.kernel_fd = folder);
	SPAWN_CASE("a pipe", ENOEXEC, args.kernel_fd = pipes[0]);
	SPAWN_CASE("no initramfs", EBADF, args.initrd_fd = 999);
	SPAWN_CASE("a folder as initramfs", EINVAL, args.initrd_fd = folder);
	SPAWN_CASE("no RAM", EINVAL, args.ram = 0);
	SPAWN_CASE("odd RAM", EINVAL, args.ram = RAM + PAGE);
	SPAWN_CASE("all RAM", ENOMEM, args.ram = 1ULL << 40);
	SPAWN_CASE("padding that is not zero", EINVAL, args.pad = 1);
	SPAWN_CASE("as the host", EINVAL, args.instance = 0);
	SPAWN_CASE("as nobody", EINVAL, args.instance = 63);
	SPAWN_CASE("a CPU that there is not", ENODEV, args.cpus = (unsigned long)&args.ram);

	/* It fails, and can't be told on which CPU; it starts, and can't be told who it is */
	bad = spawn_args();
	bad.nr_cpus = 0;
	check("spawn: bad, read only", ioctl(device, MK_IOC_SPAWN, read_only(&bad, sizeof(bad))),
	      EINVAL);
	bad = spawn_args();
	check("spawn: read only", ioctl(device, MK_IOC_SPAWN, read_only(&bad, sizeof(bad))),
	      EFAULT);
}

/* The file of an instance that was started this moment */
static void console_file(unsigned int instance)
{
	struct mk_console console = { .size = sizeof(console), .instance = instance };
	int fd = ioctl(device, MK_IOC_CONSOLE, &console);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };
	void *nowhere = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char c;

	check("console", fd, 0);
	check("poll", poll(&poll_fd, 1, 0), 0);
	expect("there is its first line", poll_fd.revents & POLLIN);
	check("read nothing", read(fd, &c, 0), 0);
	check("read to nowhere", read(fd, nowhere, 1), EFAULT);
	expect("read", read(fd, &c, 1) == 1 && c == '-');
	expect("position", lseek(fd, 0, SEEK_CUR) == 1);
	check("position before all", lseek(fd, -1, SEEK_SET), EINVAL);
	expect("end", lseek(fd, 0, SEEK_END) > 1);
	check("no position", lseek(fd, 0, 99), EINVAL);
	check("write from nowhere", write(fd, nowhere, 1), EFAULT);
	check("write to who is not up", write(fd, "x", 1), ENOTCONN);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	lseek(fd, 1ULL << 60, SEEK_SET);
	check("read of what is not there yet", read(fd, &c, 1), EAGAIN);
	close(fd);
}

/* Nothing of the above is in the way */
static void spawn_and_stop(void)
{
	struct mk_stop stop = { .size = sizeof(stop) };
	struct mk_spawn args = spawn_args();
	struct mk_info info = { .size = sizeof(info), .nr_cpus = 1 };

	check("spawn", ioctl(device, MK_IOC_SPAWN, &args), 0);
	stop.instance = args.instance;
	info.instance = args.instance;
	info.cpus = (unsigned long)NOWHERE;
	check("info with CPUs to nowhere", ioctl(device, MK_IOC_INFO, &info), EFAULT);
	console_file(args.instance);
	check("stop", ioctl(device, MK_IOC_STOP, &stop), 0);
	check("stop again", ioctl(device, MK_IOC_STOP, &stop), ENOENT);
}

/* Who is not root may do nothing, even with a device that root has opened */
static void as_nobody(void)
{
	struct mk_console console = { .size = sizeof(console), .instance = 1 };
	struct mk_info info = { .size = sizeof(info) };
	int status = 0;

	if (!fork()) {
		if (setuid(65534))
			exit(2);
		check("nobody asks", ioctl(device, MK_IOC_INFO, &info), EPERM);
		check("nobody attaches", ioctl(device, MK_IOC_CONSOLE, &console), EPERM);
		exit(failures);
	}
	wait(&status);
	failures += status != 0;
}

/* The n-th allocation from here on fails; 0: none. Whether the one before was reached */
static bool fail_nth(unsigned int n)
{
	static int fd = -1;
	char text[16] = "";
	bool reached;

	/* Once: to open a file takes memory, too */
	if (fd < 0)
		fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	reached = pread(fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		exit(2);
	return reached;
}

/* Each allocation fails in turn: either it does without, or it says so and has taken nothing */
static int fail_cases(void)
{
	struct mk_stop stop = { .size = sizeof(stop) };
	unsigned int n, refused = 0;
	bool reached = true;

	fail_nth(0);
	for (n = 1; reached; n++) {
		struct mk_spawn args = spawn_args();
		int ret, err;

		fail_nth(n);
		ret = ioctl(device, MK_IOC_SPAWN, &args);
		err = errno;
		reached = fail_nth(0);
		errno = err;
		check("spawn with an allocation that fails", ret, ret && reached ? ENOMEM : 0);
		refused += ret != 0;
		stop.instance = args.instance;
		if (!ret)
			check("stop", ioctl(device, MK_IOC_STOP, &stop), 0);
	}
	printf("%u of %u refused\n", refused, n - 2);
	return failures || !refused;
}

int main(int argc, char **argv)
{
	bool fail = argc == 4 && !strcmp(argv[1], "--fail");

	if (argc != 3 && !fail)
		return 2;
	device = open("/dev/multikernel", O_RDWR | O_CLOEXEC);
	image = open(argv[argc - 2], O_RDONLY | O_CLOEXEC);
	cpu = atoi(argv[argc - 1]);
	if (device < 0 || image < 0)
		return 2;
	if (fail)
		return fail_cases();

	check("another's ioctl", ioctl(device, _IO(0x54, 0x01), NULL), ENOTTY);
	check("unknown ioctl", ioctl(device, _IO(0xEA, 0x7f), NULL), ENOTTY);
	info_cases();
	stop_cases();
	console_cases();
	spawn_cases();
	as_nobody();
	spawn_and_stop();
	return failures != 0;
}
