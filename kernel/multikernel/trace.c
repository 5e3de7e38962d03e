// SPDX-License-Identifier: GPL-2.0
/* The tracepoints of include/trace/events/multikernel.h are made here. */
#include "internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/multikernel.h>
