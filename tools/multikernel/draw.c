// SPDX-License-Identifier: GPL-2.0
/* What one look of mk top shows: the traffic of this kernel as rates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mk.h"
#include "top.h"

#define MAX_TYPES	10
#define CELL		16
#define BAR		160

/* Columns of a row before the line that shows its past */
#define PAST_AT		67
#define PAST_LEAST	4

/* How a terminal is to show what follows */
#define PLAIN		"\033[0m"
#define BOLD		"\033[1m"
#define DIM		"\033[2m"
#define REVERSE		"\033[7m"
#define RED		"\033[1;31m"
#define GREEN		"\033[32m"
#define YELLOW		"\033[33m"
#define CYAN		"\033[36m"

static const char * const lanes[TOP_LANES] = { "urgent", "bulk" };

/* Traffic from nearly none to most */
static const char * const ascii_ramp[] = { ".", ":", "-", "=", "+", "*", "#", "@" };
static const char * const utf8_ramp[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

/* What a field has grown by in a second; a counter that began anew counts from 0 */
static double rate(const struct top *top, const struct stats_line *line, const char *key)
{
	unsigned long long now = stats_number(line, key), before = 0;
	const struct stats_line *old = NULL;

	while ((old = stats_next(&top->before, old, line->noun))) {
		if (stats_is(old, "n", stats_text(line, "n")) &&
		    stats_is(old, "peer", stats_text(line, "peer")) &&
		    stats_is(old, "lane", stats_text(line, "lane"))) {
			before = stats_number(old, key);
			break;
		}
	}
	return (now < before ? now : now - before) / top->seconds;
}

/* The same of all lines with that noun */
static double rate_all(const struct top *top, const char *noun, const char *key)
{
	const struct stats_line *line = NULL;
	double sum = 0;

	while ((line = stats_next(&top->now, line, noun)))
		sum += rate(top, line, key);
	return sum;
}

/* Into one of a few cells that take turns, so that a line can have several */
static const char *format_rate(double rate)
{
	static char cells[8][CELL];
	static unsigned int next;
	char *text = cells[next++ % ARRAY_SIZE(cells)];

	if (!rate)
		return "0";
	if (rate < 9.95)
		snprintf(text, CELL, "%.1f", rate);
	else if (rate < 99999.5)
		snprintf(text, CELL, "%.0f", rate);
	else if (rate < 9999950)
		snprintf(text, CELL, "%.1fk", rate / 1e3);
	else
		snprintf(text, CELL, "%.1fM", rate / 1e6);
	return text;
}

static const char *style(const struct top *top, const char *code)
{
	return top->live ? code : "";
}

/* A line that is to be seen as one, over the whole width of a terminal */
static void put_bar(const struct top *top, FILE *out, const char *code, const char *text)
{
	if (top->live)
		fprintf(out, "%s%-*.*s%s\n", code, (int)top->columns, (int)top->columns, text,
			PLAIN);
	else
		fprintf(out, "%s\n", text);
}

static bool is_self(const struct top *top, const struct stats_line *peer)
{
	const struct stats_line *self = stats_next(&top->now, NULL, "instance");

	return self && stats_is(peer, "n", stats_text(self, "n"));
}

/*
 * Whether a door is answered by a CPU that has another one before it. That is so of those
 * whose CPUs are offline, and each counts all that this CPU is rung.
 */
static bool is_stand_in(const struct top *top, const struct stats_line *door)
{
	const struct stats_line *line = NULL;

	while ((line = stats_next(&top->now, line, "door")) && line != door)
		if (stats_is(line, "cpu", stats_text(door, "cpu")))
			return true;
	return false;
}

static void draw_head(const struct top *top, FILE *out)
{
	const struct stats_line *self = stats_next(&top->now, NULL, "instance"), *line = NULL;
	double sent = rate_all(top, "lane", "sent"), rung = rate_all(top, "lane", "doorbells");
	unsigned int up = 0, others = 0;
	double taken = 0;
	char age[AGE_SIZE] = "-", for_each[48] = "", text[BAR];

	if (!self)
		return;
	while ((line = stats_next(&top->now, line, "peer"))) {
		if (is_self(top, line)) {
			format_age(age, stats_number(line, "age_ms"));
			continue;
		}
		others++;
		up += stats_is(line, "state", "up");
	}
	while ((line = stats_next(&top->now, line, "door")))
		if (!is_stand_in(top, line))
			taken += rate(top, line, "doorbells");
	snprintf(text, sizeof(text),
		 " mk top   instance %s, up for %s   %u of %u peers up   every %.1f s%s",
		 stats_text(self, "n"), age, up, others, top->interval,
		 top->keys ? "   q quits" : "");
	put_bar(top, out, REVERSE, text);
	if (sent && rung)
		snprintf(for_each, sizeof(for_each), ", 1 for %.1f messages", sent / rung);
	fprintf(out, " messages/s: %s out, %s in   doorbells/s: %s rung%s, %s taken\n\n",
		format_rate(sent), format_rate(rate_all(top, "lane", "received")),
		format_rate(rung), for_each, format_rate(taken));
}

/* Where the traffic of a lane is remembered; NULL: it is none that is known */
static float *past_of(struct top *top, const struct stats_line *line)
{
	unsigned long long peer = stats_number(line, "peer");

	for (unsigned int lane = 0; lane < TOP_LANES && peer < TOP_PEERS; lane++)
		if (stats_is(line, "lane", lanes[lane]))
			return top->traffic[peer][lane];
	return NULL;
}

static void remember(struct top *top)
{
	const struct stats_line *line = NULL;
	float *past;

	while ((line = stats_next(&top->now, line, "lane"))) {
		past = past_of(top, line);
		if (past)
			past[top->looks % TOP_HISTORY] = rate(top, line, "sent") +
							 rate(top, line, "received");
	}
	top->looks++;
}

/* How much of the past there is room for */
static unsigned int past_width(const struct top *top)
{
	if (top->columns < PAST_AT + PAST_LEAST)
		return 0;
	return top->columns - PAST_AT < TOP_HISTORY ? top->columns - PAST_AT : TOP_HISTORY;
}

/* What is in a line of a peer: one of its lanes, or all of them */
struct row {
	const char	*lane;
	const char	*colour;
	double		sent;
	double		received;
	double		rung;
	double		full;
	float		past[TOP_HISTORY];
};

static void row_add(struct top *top, struct row *row, const struct stats_line *line)
{
	const float *past = past_of(top, line);

	row->sent += rate(top, line, "sent");
	row->received += rate(top, line, "received");
	row->rung += rate(top, line, "doorbells");
	row->full += rate(top, line, "full");
	for (unsigned int i = 0; past && i < TOP_HISTORY; i++)
		row->past[i] += past[i];
}

/*
 * The newest at the right, and the older the farther to the left. Each row has a scale of
 * its own, to show what is more than usual for it; how much that is says the number.
 */
static void draw_past(const struct top *top, FILE *out, const float *past)
{
	const char * const *ramp = top->utf8 ? utf8_ramp : ascii_ramp;
	unsigned int height;
	float then, most = 0;

	for (unsigned int i = 0; i < TOP_HISTORY; i++)
		if (past[i] > most)
			most = past[i];
	for (unsigned int ago = past_width(top); ago--; ) {
		then = ago < top->looks ? past[(top->looks - 1 - ago) % TOP_HISTORY] : 0;
		height = then ? then / most * ARRAY_SIZE(utf8_ramp) + 0.999 : 0;
		fputs(height ? ramp[height - 1] : " ", out);
	}
}

static void draw_row(const struct top *top, FILE *out, const struct row *row)
{
	fprintf(out, "%-6s %7s %7s %7s ", row->lane, format_rate(row->sent),
		format_rate(row->received), format_rate(row->rung));
	if (row->sent)
		fprintf(out, "%7.3f", row->rung / row->sent);
	else
		fprintf(out, "%7s", "-");
	fprintf(out, " %s%6s%s", row->full ? style(top, YELLOW) : "", format_rate(row->full),
		row->full ? style(top, PLAIN) : "");
	if (top->live) {
		fprintf(out, "  %s", row->colour);
		draw_past(top, out, row->past);
		fputs(PLAIN, out);
	}
	fputc('\n', out);
}

/* Whether a lane has nothing to show: no traffic for as long as is remembered */
static bool lane_idle(struct top *top, const struct stats_line *line)
{
	const float *past = past_of(top, line);

	for (unsigned int i = 0; past && i < TOP_HISTORY; i++)
		if (past[i])
			return false;
	return past && !rate(top, line, "full") && !rate(top, line, "doorbells");
}

static bool peer_idle(struct top *top, const struct stats_line *peer)
{
	const struct stats_line *lane = NULL;

	while ((lane = stats_next(&top->now, lane, "lane")))
		if (stats_is(lane, "peer", stats_text(peer, "n")) && !lane_idle(top, lane))
			return false;
	return true;
}

static const char *state_style(const struct stats_line *peer)
{
	if (stats_is(peer, "state", "up"))
		return GREEN;
	return stats_is(peer, "state", "down") ? DIM : RED;
}

/* Whether there is no room for a row for each lane, and what comes below */
static bool is_crowded(struct top *top)
{
	const struct stats_line *lane = NULL;
	unsigned int nr = 0;

	while ((lane = stats_next(&top->now, lane, "lane")))
		nr += !lane_idle(top, lane);
	return top->live && nr > top->rows / 2;
}

static void draw_lanes(struct top *top, FILE *out, const struct stats_line *peer, bool crowded)
{
	struct row sum = { .lane = "all", .colour = GREEN };
	const struct stats_line *lane = NULL;
	unsigned int nr = 0;

	while ((lane = stats_next(&top->now, lane, "lane"))) {
		struct row row = { .lane = stats_text(lane, "lane"), .colour = GREEN };

		if (!stats_is(lane, "peer", stats_text(peer, "n")) ||
		    (top->live && lane_idle(top, lane)))
			continue;
		nr++;
		if (crowded) {
			row_add(top, &sum, lane);
			continue;
		}
		if (stats_is(lane, "lane", lanes[TOP_LANES - 1]))
			row.colour = CYAN;
		row_add(top, &row, lane);
		fprintf(out, "%*s", nr == 1 ? 1 : 20, "");
		draw_row(top, out, &row);
	}
	if (crowded && nr) {
		fputc(' ', out);
		draw_row(top, out, &sum);
	} else if (!nr) {
		fputc('\n', out);
	}
}

#define PEERS	"peer  state     age lane     out/s    in/s  rung/s per out full/s"

static void draw_peers(struct top *top, FILE *out)
{
	const struct stats_line *peer = NULL;
	bool crowded = is_crowded(top);
	char age[AGE_SIZE];

	put_bar(top, out, BOLD, top->live ? PEERS "  traffic" : PEERS);
	while ((peer = stats_next(&top->now, peer, "peer"))) {
		if (top->live && is_self(top, peer) && peer_idle(top, peer))
			continue;
		format_age(age, stats_number(peer, "age_ms"));
		fprintf(out, "%4s  %s%-7s%s %5s", stats_text(peer, "n"),
			style(top, state_style(peer)), stats_text(peer, "state"),
			style(top, PLAIN), age);
		draw_lanes(top, out, peer, crowded);
	}
}

static void draw_doors(const struct top *top, FILE *out)
{
	const struct stats_line *line = NULL;
	bool slow;

	fputc('\n', out);
	put_bar(top, out, BOLD, "door   cpu  taken/s  empties/s  storms/s  deferred/s");
	while ((line = stats_next(&top->now, line, "door"))) {
		slow = stats_number(line, "slow");
		if (top->live && is_stand_in(top, line))
			continue;
		fprintf(out, "%4s  %4s  %7s  %9s  %8s  %10s%s%s%s\n", stats_text(line, "n"),
			stats_text(line, "cpu"), format_rate(rate(top, line, "doorbells")),
			format_rate(rate(top, line, "empties")),
			format_rate(rate(top, line, "storms")),
			format_rate(rate(top, line, "deferred")), slow ? style(top, YELLOW) : "",
			slow ? "  slow" : "", slow ? style(top, PLAIN) : "");
	}
}

/* The busiest types, the busiest first; those that are as busy as in the text */
static void draw_types(const struct top *top, FILE *out)
{
	const struct stats_line *line = NULL, *shown[MAX_TYPES];
	double rates[MAX_TYPES], taken;
	unsigned int nr = 0, at;

	while ((line = stats_next(&top->now, line, "type"))) {
		taken = rate(top, line, "taken");
		if (top->live && !taken)
			continue;
		for (at = nr; at && rates[at - 1] < taken; at--)
			;
		if (at == MAX_TYPES)
			continue;
		if (nr < MAX_TYPES)
			nr++;
		memmove(&rates[at + 1], &rates[at], (nr - 1 - at) * sizeof(*rates));
		memmove(&shown[at + 1], &shown[at], (nr - 1 - at) * sizeof(*shown));
		rates[at] = taken;
		shown[at] = line;
	}
	fputc('\n', out);
	put_bar(top, out, BOLD, " type  lane      taken/s  name");
	for (at = 0; at < nr; at++)
		fprintf(out, "%5s  %-6s  %9s  %s\n", stats_text(shown[at], "n"),
			stats_text(shown[at], "lane"), format_rate(rates[at]),
			stats_text(shown[at], "name"));
}

void top_draw(struct top *top, FILE *out)
{
	remember(top);
	draw_head(top, out);
	draw_peers(top, out);
	draw_doors(top, out);
	draw_types(top, out);
}
