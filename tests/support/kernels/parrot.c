/*
 * parrot - a kernel that says what it was given and leaves as it was told.
 *
 * It tests the runner, so it must be able to end in every way a kernel can end. What it
 * prints is the text handed over as its initrd; what it does is its command line, one
 * word after the other:
 *
 *   print        write the initrd to COM1, byte by byte
 *   words        write the command line itself, and a newline
 *   tsc          write "# tsc" and the time-stamp counter
 *   flood        write lines for ever
 *   exit=XX      write the hexadecimal number to isa-debug-exit
 *   hang         halt with interrupts off
 *   spin         loop
 *   triple       take an exception with no interrupt table
 *   reset        pulse the reset line through the keyboard controller
 *   reset-cf9    reset through the chipset's reset control register
 *   poweroff     enter ACPI S5
 *
 * A word that is unknown is said aloud and ends it with 0x7f, so that a misspelt test
 * cannot pass for the behaviour it meant. After the last word it hangs.
 *
 * It stays as the PVH entry found it: 32-bit, flat, no paging, no interrupts.
 */
#include <stddef.h>
#include <stdint.h>

/* From Xen's public "arch-x86/hvm/start_info.h", version 1. */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp;
};

struct module {
	uint64_t address, size, command_line, reserved;
};

#define COM1       0x3f8
#define DEBUG_EXIT 0x501
#define PM1A_CNT   0x604 /* where SeaBIOS puts it on pc and q35 alike */

_Noreturn void parrot_main(const struct start_info *info);

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* 115200 baud, 8 bits, no parity, 1 stop bit, FIFOs on; no interrupts. */
static void serial_init(void)
{
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 0x80);
	out8(COM1 + 0, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 3);
	out8(COM1 + 2, 7);
}

static void say(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		while (!(in8(COM1 + 5) & 0x20))
			__asm__ volatile("pause");
		out8(COM1, (uint8_t)text[i]);
	}
}

static void print(const struct start_info *info)
{
	const struct module *module = (const void *)(uintptr_t)info->modules;

	if (info->module_count)
		say((const void *)(uintptr_t)module->address, (size_t)module->size);
}

static void say_tsc(void)
{
	static const char digits[] = "0123456789abcdef";
	char text[] = "# tsc 0000000000000000\n";
	uint32_t half[2];

	__asm__ volatile("rdtsc" : "=a"(half[0]), "=d"(half[1]));
	for (size_t i = 0; i < 16; i++)
		text[21 - i] = digits[half[i / 8] >> (i % 8 * 4) & 15];
	say(text, sizeof(text) - 1);
}

_Noreturn static void hang(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

_Noreturn static void spin(void)
{
	for (;;)
		__asm__ volatile("pause");
}

_Noreturn static void flood(void)
{
	for (;;)
		say("and so on\n", 10);
}

static void triple(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} none = {0, 0};

	__asm__ volatile("lidt %0; ud2" ::"m"(none));
}

static uint32_t read_hex(const char *text, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value * 16 +
			(uint32_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
	return value;
}

static int is_word(const char *text, size_t len, const char *word)
{
	size_t i = 0;

	while (i < len && word[i] && text[i] == word[i])
		i++;
	return i == len && !word[i];
}

static void obey(const struct start_info *info, const char *text, size_t len)
{
	const char *line = (const void *)(uintptr_t)info->command_line;
	size_t all = 0;

	if (is_word(text, len, "print")) {
		print(info);
	} else if (is_word(text, len, "words")) {
		while (line[all])
			all++;
		say(line, all);
		say("\n", 1);
	} else if (is_word(text, len, "tsc")) {
		say_tsc();
	} else if (is_word(text, len, "hang")) {
		hang();
	} else if (is_word(text, len, "spin")) {
		spin();
	} else if (is_word(text, len, "flood")) {
		flood();
	} else if (is_word(text, len, "triple")) {
		triple();
	} else if (is_word(text, len, "reset")) {
		out8(0x64, 0xfe);
		hang();
	} else if (is_word(text, len, "reset-cf9")) {
		out8(0xcf9, 0x02);
		out8(0xcf9, 0x06);
		hang();
	} else if (is_word(text, len, "poweroff")) {
		out16(PM1A_CNT, 0x2000); /* SLP_EN, SLP_TYP 0: QEMU's S5 */
		hang();
	} else if (len > 5 && is_word(text, 5, "exit=")) {
		out32(DEBUG_EXIT, read_hex(text + 5, len - 5));
	} else {
		say("parrot does not know: ", 22);
		say(text, len);
		say("\n", 1);
		out32(DEBUG_EXIT, 0x7f);
	}
}

_Noreturn void parrot_main(const struct start_info *info)
{
	const char *text = (const void *)(uintptr_t)info->command_line;

	serial_init();
	while (text && *text) {
		size_t len = 0;

		while (text[len] && text[len] != ' ')
			len++;
		if (len)
			obey(info, text, len);
		text += len;
		while (*text == ' ')
			text++;
	}
	hang();
}
