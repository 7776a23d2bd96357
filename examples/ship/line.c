/*
 * line - one line of a terminal, edited in place, and the lines typed before.
 *
 * Keys come as bytes; those an xterm sends for its arrows and the like are sequences that
 * begin with ESC, and are collected here. A line is drawn anew after each change that is
 * not at its end: return, prompt, text, erase to the end of the row, back to the cursor.
 * It never wraps, being at most SHIP_LINE_MAX long.
 *
 * Keys: arrows, ^B ^F, Home ^A, End ^E; Backspace, Delete ^D; ^K to the end, ^U to the
 * start, ^W a word; up ^P, down ^N: lines typed before; ^L the screen; ^C gives up.
 *
 * Invariants
 *   L1  cursor <= length < sizeof(text), and text[length] is 0.
 *   L2  The line in progress comes back when one goes down past the newest of history.
 */
#include <theseus/fmt.h>
#include <theseus/string.h>
#include "ship.h"

#define HISTORY         16u
#define CONTROL(letter) ((letter) - '@')
#define ESCAPE          0x1b

/* What a sequence stands for: beyond all bytes. */
enum key {
	KEY_LEFT = 256,
	KEY_RIGHT,
	KEY_UP,
	KEY_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_DELETE,
	KEY_NONE
};

static struct {
	const char *prompt;
	char text[SHIP_LINE_MAX + 1];
	unsigned length, cursor;
	char old[HISTORY][SHIP_LINE_MAX + 1];
	unsigned lines; /* typed so far: the newest is old[(lines - 1) % HISTORY] */
	unsigned back;  /* how many lines up from the one in progress */
	char progress[SHIP_LINE_MAX + 1]; /* while back > 0 (L2) */
} line;

/* ---- the screen ---------------------------------------------------------------------- */

static void draw(void)
{
	char left[16];

	ship_put("\r", 1);
	ship_put(line.prompt, ths_strlen(line.prompt));
	ship_put(line.text, line.length);
	ship_put("\033[K", 3);
	if (line.cursor < line.length)
		ship_put(left, ths_format(left, sizeof(left), "\033[%uD",
					  line.length - line.cursor));
}

static void bell(void)
{
	ship_put("\a", 1);
}

/* ---- changes ------------------------------------------------------------------------- */

static void insert(char byte)
{
	if (line.length == SHIP_LINE_MAX) {
		bell();
		return;
	}
	memmove(line.text + line.cursor + 1, line.text + line.cursor,
		line.length - line.cursor + 1);
	line.text[line.cursor++] = byte;
	line.length++;
	if (line.cursor == line.length)
		ship_put(&byte, 1);
	else
		draw();
}

/* The text from @from to @to, exclusive, goes; the cursor stands where it was. */
static void erase(unsigned from, unsigned to)
{
	if (from == to)
		return;
	memmove(line.text + from, line.text + to, line.length - to + 1);
	line.length -= to - from;
	line.cursor = from;
	draw();
}

static void move(unsigned to)
{
	line.cursor = to;
	draw();
}

static unsigned word_start(void)
{
	unsigned at = line.cursor;

	while (at > 0 && line.text[at - 1] == ' ')
		at--;
	while (at > 0 && line.text[at - 1] != ' ')
		at--;
	return at;
}

static void show(const char *text)
{
	(void)!ths_str_copy(line.text, sizeof(line.text), text);
	line.length = line.cursor = (unsigned)ths_strlen(line.text);
	draw();
}

/* ---- history ------------------------------------------------------------------------- */

static void remember(void)
{
	const char *newest = line.old[(line.lines + HISTORY - 1) % HISTORY];

	if (line.length == 0 || (line.lines > 0 && ths_streq(newest, line.text)))
		return;
	(void)!ths_str_copy(line.old[line.lines++ % HISTORY], sizeof(line.text),
			    line.text);
}

static void recall(unsigned back)
{
	unsigned kept = line.lines < HISTORY ? line.lines : HISTORY;

	if (back > kept) {
		bell();
		return;
	}
	if (line.back == 0)
		(void)!ths_str_copy(line.progress, sizeof(line.progress), line.text);
	line.back = back;
	show(back ? line.old[(line.lines - back) % HISTORY] : line.progress);
}

/* ---- keys ---------------------------------------------------------------------------- */

/* The number and the letter of ESC [ number letter. */
static enum key sequence(unsigned number, uint8_t letter)
{
	switch (letter) {
	case 'A':
		return KEY_UP;
	case 'B':
		return KEY_DOWN;
	case 'C':
		return KEY_RIGHT;
	case 'D':
		return KEY_LEFT;
	case 'H':
		return KEY_HOME;
	case 'F':
		return KEY_END;
	case '~':
		return number == 1 || number == 7   ? KEY_HOME
		       : number == 4 || number == 8 ? KEY_END
		       : number == 3                ? KEY_DELETE
						    : KEY_NONE;
	default:
		return KEY_NONE;
	}
}

/* What follows ESC: "[", or "O" as some terminals have it, digits, a letter. */
static enum key read_sequence(void)
{
	uint8_t byte = ship_key();
	unsigned number = 0;

	if (byte != '[' && byte != 'O')
		return KEY_NONE;
	for (byte = ship_key(); byte < '@' || byte > '~'; byte = ship_key()) {
		if (byte >= '0' && byte <= '9')
			number = (number * 10 + (byte - '0')) % 1000;
		else if (byte < ' ')
			return KEY_NONE;
	}
	return sequence(number, byte);
}

static void obey_motion(unsigned key)
{
	switch (key) {
	case KEY_LEFT:
	case CONTROL('B'):
		move(line.cursor - (line.cursor > 0));
		break;
	case KEY_RIGHT:
	case CONTROL('F'):
		move(line.cursor + (line.cursor < line.length));
		break;
	case KEY_HOME:
	case CONTROL('A'):
		move(0);
		break;
	case KEY_END:
	case CONTROL('E'):
		move(line.length);
		break;
	case KEY_UP:
	case CONTROL('P'):
		recall(line.back + 1);
		break;
	case KEY_DOWN:
	case CONTROL('N'):
		if (line.back > 0)
			recall(line.back - 1);
		else
			bell();
		break;
	case CONTROL('L'):
		ship_put("\033[H\033[2J", 7);
		draw();
		break;
	default:
		bell();
	}
}

static void obey(unsigned key)
{
	switch (key) {
	case CONTROL('H'):
	case 0x7f:
		erase(line.cursor - (line.cursor > 0), line.cursor);
		break;
	case KEY_DELETE:
	case CONTROL('D'):
		erase(line.cursor, line.cursor + (line.cursor < line.length));
		break;
	case CONTROL('K'):
		erase(line.cursor, line.length);
		break;
	case CONTROL('U'):
		erase(0, line.cursor);
		break;
	case CONTROL('W'):
		erase(word_start(), line.cursor);
		break;
	default:
		if (key >= ' ' && key < 0x7f)
			insert((char)key);
		else
			obey_motion(key);
	}
}

const char *ship_line_read(const char *prompt)
{
	line.prompt = prompt;
	line.text[0] = 0;
	line.length = line.cursor = line.back = 0;
	draw();
	for (;;) {
		unsigned key = ship_key();

		if (key == ESCAPE)
			key = read_sequence();
		if (key == '\r' || key == '\n')
			break;
		if (key == CONTROL('C')) {
			ship_put("^C\r\n", 4);
			return NULL;
		}
		if (key != KEY_NONE)
			obey(key);
	}
	if (line.cursor < line.length)
		move(line.length);
	ship_put("\r\n", 2);
	remember();
	return line.text;
}
