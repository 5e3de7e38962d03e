/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands of mk share. */
#ifndef _TOOLS_MULTIKERNEL_MK_H
#define _TOOLS_MULTIKERNEL_MK_H

#include <stdbool.h>
#include <stdio.h>
#include "../../include/uapi/linux/multikernel.h"

/* Exit status of a command that was called wrongly */
#define MK_USAGE	2

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define MK_DEVICE	"/dev/multikernel"

/* Room for what format_cpus() writes of MK_MAX_CPUS CPUs */
#define CPUS_TEXT	(MK_MAX_CPUS * 12)

/* Each takes its own name as argv[0] and returns the exit status */
int cmd_spawn(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_ping(int argc, char **argv);
int cmd_stream(int argc, char **argv);
int cmd_cast(int argc, char **argv);
int cmd_mix(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_console(int argc, char **argv);

/* Print "mk: ..." as one line on stderr */
#define complain(fmt, ...)	fprintf(stderr, "mk: " fmt "\n", ##__VA_ARGS__)
/* The same; the value is the exit status of a failure, or of a wrong call */
#define fail(fmt, ...)		(complain(fmt, ##__VA_ARGS__), 1)
#define misused(fmt, ...)	(complain(fmt, ##__VA_ARGS__), MK_USAGE)

/* A whole number from 0 to @max, nothing after it; false: @text is none */
bool parse_number(const char *text, unsigned long long max, unsigned long long *value);
/* The same with a unit K, M or G */
bool parse_size(const char *text, unsigned long long *value);
/*
 * CPU numbers and ranges of them with commas between, 2,4-5: how many they are,
 * or 0 if it is none or more than MK_MAX_CPUS
 */
unsigned int parse_cpus(const char *text, __u32 *cpus);
/* The same the other way round; @text has CPUS_TEXT bytes */
const char *format_cpus(char *text, const __u32 *cpus, unsigned int nr_cpus);

/* Seconds of a clock that is never set */
double seconds_now(void);

/* For people: 3.2s, 5m, 2h, 9d */
#define AGE_SIZE	24
void format_age(char text[AGE_SIZE], unsigned long long ms);

/* An open file, or -1 with the failure printed */
int open_device(const char *path, const char *option);
/* /dev/multikernel, in the same way */
int open_multikernel(void);

/* MK_IOC_INFO: 0, or an errno */
int get_info(int fd, unsigned int instance, struct mk_info *info);
/* The same with the numbers of the first MK_MAX_CPUS CPUs that it was lent */
int get_info_cpus(int fd, unsigned int instance, struct mk_info *info, __u32 *cpus);
/* Print what an errno of MK_IOC_INFO means; return 1 */
int fail_info(unsigned int instance, int err);
const char *state_name(unsigned int state);
const char *reason_name(unsigned int reason);

/*
 * Wait until @instance is in @state, at most @seconds, and fill in @info. 0, or
 * 1 with the failure printed: too late, or it can't come to that state any more.
 */
int wait_for(int fd, unsigned int instance, enum mk_state state, unsigned int seconds,
	     struct mk_info *info);

#endif /* _TOOLS_MULTIKERNEL_MK_H */
