// SPDX-License-Identifier: GPL-2.0
/* What can be set on the kernel's command line, as multikernel.NAME=VALUE. */
#include <linux/moduleparam.h>

#include "internal.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX	"multikernel."

unsigned int mk_param_budget = 64;
module_param_named(budget, mk_param_budget, uint, 0644);
MODULE_PARM_DESC(budget, "Urgent messages that one interrupt handles, at the most");

unsigned int mk_param_budget_us = 200;
module_param_named(budget_us, mk_param_budget_us, uint, 0644);
MODULE_PARM_DESC(budget_us, "Microseconds after which an interrupt handles no further message");

unsigned int mk_param_poll_us = 50;
module_param_named(poll_us, mk_param_poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "Microseconds that a bulk ring, or the caller of an urgent call, looks for what comes next");

unsigned int mk_param_storm = 256;
module_param_named(storm, mk_param_storm, uint, 0644);
MODULE_PARM_DESC(storm, "Doorbells in a row that bring nothing, within 10 ms, that are a storm");

unsigned int mk_param_beat_ms = 500;
module_param_named(beat_ms, mk_param_beat_ms, uint, 0444);
MODULE_PARM_DESC(beat_ms, "Milliseconds between two signs of life");

unsigned int mk_param_hang_ms = 10000;
module_param_named(hang_ms, mk_param_hang_ms, uint, 0644);
MODULE_PARM_DESC(hang_ms, "Milliseconds without a sign of life after which a peer hangs");

/* For tests of what becomes of kernels that do not fit */
unsigned int mk_param_layout = MK_WIRE_VERSION;
module_param_named(layout, mk_param_layout, uint, 0444);
MODULE_PARM_DESC(layout, "Layout version that this kernel says it knows");
