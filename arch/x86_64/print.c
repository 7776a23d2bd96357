/*
 * print - words and numbers on the console, for boot and for register dumps.
 */
#include "x86.h"

void ths_x86_print(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	ths_arch_console_write(text, len);
}

void ths_x86_print_hex(uint64_t value, unsigned digits)
{
	while (digits--)
		ths_arch_console_write(&"0123456789abcdef"[value >> 4 * digits & 15], 1);
}

void ths_x86_print_dec(uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	ths_arch_console_write(text + at, sizeof(text) - at);
}
