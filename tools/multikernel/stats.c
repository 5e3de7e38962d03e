// SPDX-License-Identifier: GPL-2.0
/* The text of statistics: read, and taken apart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mk.h"
#include "stats.h"

#define VERSION_LINE	"mk_stat 1"
/* A text that is longer than this is something else */
#define MAX_TEXT	(64 << 20)

static int fail_read(const char *name, int err)
{
	switch (err) {
	case ENODEV:
		return fail("this kernel has no region: boot with reserve_mem=SIZE:2M:multikernel");
	case EINVAL:
		return fail("%s can't be read: build mk and the kernel from one source", name);
	default:
		return fail("%s: %s", name, strerror(err));
	}
}

/* All of the file, ended by a zero; NULL: the failure was printed */
static char *read_all(int fd, const char *name)
{
	size_t size = 16384, len = 0;
	char *text = NULL, *more;
	ssize_t got;

	/* A pipe can't be rewound, and is read once anyway */
	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE) {
		fail_read(name, errno);
		return NULL;
	}
	for (;;) {
		more = realloc(text, size);
		if (!more || size > MAX_TEXT) {
			free(more ? more : text);
			complain("%s: too long for the memory that there is", name);
			return NULL;
		}
		text = more;
		got = read(fd, text + len, size - len - 1);
		if (got < 0) {
			fail_read(name, errno);
			free(text);
			return NULL;
		}
		if (!got)
			break;
		len += got;
		if (len == size - 1)
			size *= 2;
	}
	text[len] = 0;
	return text;
}

static bool is_printable(char c)
{
	return c >= ' ' && c < 0x7f;
}

/* The character that \ooo stands for, if it is one that can be shown; else 0 */
static char unescape(const char *digits)
{
	int c = 0;

	for (int i = 0; i < 3; i++) {
		if (digits[i] < '0' || digits[i] > '7')
			return 0;
		c = c << 3 | (digits[i] - '0');
	}
	return c < 0x7f && is_printable(c) ? c : 0;
}

/* End the value at @text, undoing its quotes; returns what follows it, NULL: no end */
static char *cut_value(char *text, const char **value)
{
	char *to = text, c;

	if (*text != '"') {
		*value = text;
		text += strcspn(text, " ");
		if (*text)
			*text++ = 0;
		return text;
	}
	*value = to;
	for (text++; *text != '"'; text++) {
		if (!*text)
			return NULL;
		c = *text == '\\' ? unescape(text + 1) : 0;
		*to++ = c ? c : *text;
		if (c)
			text += 3;
	}
	text++;
	if (*text == ' ')
		text++;
	else if (*text)
		return NULL;
	*to = 0;
	return text;
}

static bool parse_line(struct stats_line *line, char *text)
{
	char *key;

	for (key = text; *key; key++)
		if (!is_printable(*key))
			return false;
	line->noun = text;
	text += strcspn(text, " ");
	if (*text)
		*text++ = 0;
	if (!*line->noun)
		return false;
	while (*text && line->nr < STATS_FIELDS) {
		key = text;
		text += strcspn(text, "= ");
		if (text == key || *text != '=')
			return false;
		*text++ = 0;
		line->field[line->nr].key = key;
		text = cut_value(text, &line->field[line->nr].value);
		if (!text)
			return false;
		line->nr++;
	}
	return true;
}

static int parse(struct stats *stats, const char *name)
{
	char *text = stats->text, *end;
	size_t nr = 0;

	for (end = text; (end = strchr(end, '\n')); end++)
		nr++;
	stats->lines = calloc(nr + 1, sizeof(*stats->lines));
	if (!stats->lines)
		return fail("no memory");

	for (nr = 1; *text; nr++) {
		end = strchr(text, '\n');
		if (nr == 1 && strncmp(text, VERSION_LINE "\n", sizeof(VERSION_LINE)))
			return fail("%s does not begin with `%s`: it is something else, or %s",
				    name, VERSION_LINE, "of a kernel that mk does not fit");
		/* Every line has an end: without one the text was cut off */
		if (!end)
			return fail("%s:%zu: the line has no end: read it anew", name, nr);
		*end = 0;
		if (nr > 1 && !parse_line(&stats->lines[stats->nr++], text))
			return fail("%s:%zu: no line of statistics, which are `noun key=value ...`",
				    name, nr);
		text = end + 1;
	}
	return nr > 1 ? 0 : fail("%s is empty", name);
}

int stats_read(struct stats *stats, int fd, const char *name)
{
	*stats = (struct stats) { .text = read_all(fd, name) };
	if (!stats->text)
		return 1;
	if (!parse(stats, name))
		return 0;
	stats_free(stats);
	return 1;
}

void stats_free(struct stats *stats)
{
	free(stats->lines);
	free(stats->text);
	*stats = (struct stats) { };
}

const struct stats_line *stats_next(const struct stats *stats, const struct stats_line *line,
				    const char *noun)
{
	for (line = line ? line + 1 : stats->lines; line < stats->lines + stats->nr; line++)
		if (!strcmp(line->noun, noun))
			return line;
	return NULL;
}

const char *stats_text(const struct stats_line *line, const char *key)
{
	for (unsigned int i = 0; i < line->nr; i++)
		if (!strcmp(line->field[i].key, key))
			return line->field[i].value;
	return "";
}

unsigned long long stats_number(const struct stats_line *line, const char *key)
{
	return strtoull(stats_text(line, key), NULL, 0);
}

bool stats_is(const struct stats_line *line, const char *key, const char *value)
{
	return !strcmp(stats_text(line, key), value);
}
