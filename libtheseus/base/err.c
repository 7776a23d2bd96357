/*
 * err - the names and sentences of the error table, generated from THS_ERR_MAP.
 *
 * A switch and not an array: a value outside the table, which a broken module may well
 * hand us, then falls out at the end instead of indexing somewhere.
 */
#include <theseus/err.h>

const char *ths_err_name(enum ths_err err)
{
	switch (err) {
#define ERR_NAME(name, value, text)                                                      \
	case name:                                                                       \
		return #name;
		THS_ERR_MAP(ERR_NAME)
#undef ERR_NAME
	}
	return "THS_E_?";
}

const char *ths_err_text(enum ths_err err)
{
	switch (err) {
#define ERR_TEXT(name, value, text)                                                      \
	case name:                                                                       \
		return text;
		THS_ERR_MAP(ERR_TEXT)
#undef ERR_TEXT
	}
	return "an error of no known kind";
}
