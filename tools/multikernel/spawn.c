// SPDX-License-Identifier: GPL-2.0
/* mk spawn: start a kernel on CPUs of its own. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "mk.h"

/* What the kernel of this architecture can start */
#ifdef __aarch64__
#define KERNEL_IMAGE	"Image, little-endian and not compressed"
#else
#define KERNEL_IMAGE	"bzImage, 64-bit with CONFIG_RELOCATABLE=y"
#endif

struct request {
	struct mk_spawn	spawn;
	__u32		cpus[MK_MAX_CPUS];
	bool		taken[MK_MAX_CPUS];	/* offline, by this program */
	const char	*kernel;
	const char	*initrd;
	const char	*cmdline;
	bool		offline;
	unsigned int	seconds;
};

static void cpu_path(char *path, size_t size, unsigned int cpu)
{
	snprintf(path, size, "/sys/devices/system/cpu/cpu%u/online", cpu);
}

/* A CPU without the file can't be taken offline and thus is online */
static bool cpu_online(unsigned int cpu)
{
	char path[64], state = '1';
	int fd;

	cpu_path(path, sizeof(path), cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (read(fd, &state, 1) != 1)
		state = '1';
	close(fd);
	return state == '1';
}

static int cpu_set_online(unsigned int cpu, bool online)
{
	char path[64];
	int fd, ret = 0;

	cpu_path(path, sizeof(path), cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, online ? "1" : "0", 1) != 1)
		ret = errno;
	close(fd);
	return ret;
}

static int take_one_offline(unsigned int cpu)
{
	int err = cpu_set_online(cpu, false);

	switch (err) {
	case 0:
		return 0;
	case ENOENT:
		return fail("CPU %u does not exist, or can't be taken offline", cpu);
	case EACCES:
	case EPERM:
		return fail("CPU %u can't be taken offline: only root may", cpu);
	default:
		return fail("CPU %u can't be taken offline: %s", cpu, strerror(err));
	}
}

/* What was taken offline comes back. */
static void give_back(const struct request *req)
{
	for (unsigned int i = 0; i < req->spawn.nr_cpus; i++)
		if (req->taken[i] && cpu_set_online(req->cpus[i], true))
			complain("and CPU %u could not be brought online again", req->cpus[i]);
}

/* All that are online, or none */
static int take_offline(struct request *req)
{
	int ret;

	for (unsigned int i = 0; i < req->spawn.nr_cpus; i++) {
		if (!cpu_online(req->cpus[i]))
			continue;
		ret = take_one_offline(req->cpus[i]);
		if (ret) {
			give_back(req);
			return ret;
		}
		req->taken[i] = true;
	}
	return 0;
}

static bool in_use(const struct mk_info *info)
{
	return info->state != MK_STATE_ABSENT && info->state != MK_STATE_STOPPED;
}

static bool has_cpu(const struct mk_info *info, const __u32 *cpus, unsigned int cpu)
{
	for (unsigned int i = 0; i < info->nr_cpus && i < MK_MAX_CPUS; i++)
		if (cpus[i] == cpu)
			return true;
	return false;
}

static int fail_busy_cpu(int fd, unsigned int cpu)
{
	__u32 cpus[MK_MAX_CPUS];
	struct mk_info info;
	unsigned int n = 0;

	if (cpu_online(cpu))
		return fail("CPU %u is online: add --offline to take it from this kernel", cpu);
	do {
		if (get_info_cpus(fd, n, &info, cpus))
			break;
		if (has_cpu(&info, cpus, cpu))
			return fail("CPU %u is lent to instance %u: mk stop %u first", cpu, n, n);
	} while (++n < info.nr_instances);
	return fail("CPU %u is in use", cpu);
}

/* If no CPU is busy, the kernel says EBUSY of two things: find out which */
static int fail_busy(int fd, const struct mk_spawn *spawn)
{
	struct mk_info info;

	if (spawn->failed_cpu != MK_NO_CPU)
		return fail_busy_cpu(fd, spawn->failed_cpu);
	if (spawn->instance != MK_ANY_INSTANCE && !get_info(fd, spawn->instance, &info) &&
	    in_use(&info))
		return fail("instance %u is in use: choose another, or mk stop it",
			    spawn->instance);
	return fail("no instance number is left: mk stop one that is not needed");
}

static int fail_spawn(int fd, const struct request *req, int err)
{
	const struct mk_spawn *spawn = &req->spawn;
	unsigned long long ram = spawn->ram >> 20;
	unsigned int cpu = spawn->failed_cpu;

	switch (err) {
	case EBUSY:
		return fail_busy(fd, spawn);
	case ENODEV:
		return fail("CPU %u does not exist, or this kernel never booted it", cpu);
	case ENOEXEC:
		return fail("%s is no " KERNEL_IMAGE, req->kernel);
	case ENOMEM:
		return fail("no %llu MiB left of the reserved memory: mk ls shows its use", ram);
	case ENOSPC:
		return fail("%llu MiB are too few for this kernel and initramfs: more --ram", ram);
	case ENXIO:
		return fail("no memory to grant: boot with reserve_mem=SIZE:2M:multikernel");
	case E2BIG:
		return fail("the command line is too long: %u bytes", spawn->cmdline_len);
	case EPERM:
		return fail("only root may spawn, and no kernel that was itself spawned");
	case EIO:
		if (cpu == MK_NO_CPU)
			return fail("no CPU was started: see dmesg");
		return fail("CPU %u did not start: see dmesg", cpu);
	case EINVAL:
		if (cpu != MK_NO_CPU)
			return fail("CPU %u is in the list twice", cpu);
		return fail("refused: --ram is a multiple of 2M, --instance one of the region's");
	case EOPNOTSUPP:
		return fail("this kernel can't spawn: %s is off, or see dmesg",
			    "CONFIG_MULTIKERNEL_SPAWN");
	case ENOTTY:
		return fail("mk and the running kernel do not fit: build both from one source");
	default:
		return fail("spawn: %s", strerror(err));
	}
}

/* A file that the kernel can read as a whole, or -1 with the failure printed */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		complain("%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		complain("%s is no regular file", path);
	else if (!st.st_size)
		complain("%s is empty", path);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* 0: started; else the failure was printed and the CPUs are as they were */
static int start(int fd, struct request *req)
{
	int ret, err;

	if (req->offline) {
		ret = take_offline(req);
		if (ret)
			return ret;
	}
	if (!ioctl(fd, MK_IOC_SPAWN, &req->spawn))
		return 0;
	err = errno;
	ret = fail_spawn(fd, req, err);
	give_back(req);
	return ret;
}

static int start_and_wait(int fd, struct request *req)
{
	unsigned int instance;
	struct mk_info info;
	char text[CPUS_TEXT];
	int ret;

	ret = start(fd, req);
	if (ret)
		return ret;
	instance = req->spawn.instance;
	format_cpus(text, req->cpus, req->spawn.nr_cpus);
	if (!req->seconds) {
		printf("instance %u: started on CPU %s\n", instance, text);
		return 0;
	}
	ret = wait_for(fd, instance, MK_STATE_UP, req->seconds, &info);
	if (!ret)
		printf("instance %u: up on CPU %s, %llu MiB at 0x%llx\n", instance, text,
		       info.ram_size >> 20, info.ram_base);
	return ret;
}

static int run(struct request *req)
{
	struct mk_spawn *spawn = &req->spawn;
	int fd, ret = 1;

	spawn->cmdline = (unsigned long)req->cmdline;
	spawn->cmdline_len = strlen(req->cmdline);
	spawn->cpus = (unsigned long)req->cpus;

	fd = open_multikernel();
	if (fd < 0)
		return ret;
	spawn->kernel_fd = open_file(req->kernel);
	if (spawn->kernel_fd < 0)
		goto close_device;
	spawn->initrd_fd = -1;
	if (req->initrd) {
		spawn->initrd_fd = open_file(req->initrd);
		if (spawn->initrd_fd < 0)
			goto close_kernel;
	}
	ret = start_and_wait(fd, req);

	if (spawn->initrd_fd >= 0)
		close(spawn->initrd_fd);
close_kernel:
	close(spawn->kernel_fd);
close_device:
	close(fd);
	return ret;
}

int cmd_spawn(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cpu", required_argument, NULL, 'c' },
		{ "ram", required_argument, NULL, 'r' },
		{ "offline", no_argument, NULL, 'o' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "cmdline", required_argument, NULL, 'l' },
		{ "instance", required_argument, NULL, 'n' },
		{ "wait", required_argument, NULL, 'w' },
		{ }
	};
	struct request req = {
		.spawn = {
			.size = sizeof(req.spawn),
			.instance = MK_ANY_INSTANCE,
			.failed_cpu = MK_NO_CPU,
		},
		.cmdline = "",
		.seconds = 60,
	};
	unsigned long long value;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			req.spawn.nr_cpus = parse_cpus(optarg, req.cpus);
			if (!req.spawn.nr_cpus)
				return misused("spawn: --cpu is a list of up to %u CPUs: 2,4-5",
					       MK_MAX_CPUS);
			break;
		case 'r':
			if (!parse_size(optarg, &value) || !value)
				return misused("spawn: --ram is a size: 96M");
			req.spawn.ram = value;
			break;
		case 'o':
			req.offline = true;
			break;
		case 'i':
			req.initrd = optarg;
			break;
		case 'l':
			req.cmdline = optarg;
			break;
		case 'n':
			if (!parse_number(optarg, MK_ANY_INSTANCE - 1, &value))
				return misused("spawn: --instance is an instance number");
			req.spawn.instance = value;
			break;
		case 'w':
			if (!parse_number(optarg, 86400, &value))
				return misused("spawn: --wait is seconds, up to 86400, 0 for none");
			req.seconds = value;
			break;
		default:
			return MK_USAGE;
		}
	}
	if (!req.spawn.nr_cpus || !req.spawn.ram || argc - optind != 1)
		return misused("spawn: needs --cpu, --ram and one kernel image: mk help");
	req.kernel = argv[optind];
	return run(&req);
}
