/*
 * json - the text of theseus-schema(5) as one JSON object, for programs.
 */
#pragma once

/* @schema: as it was written, and read by the loader's reader. To standard output. */
void schema_json(const char *schema);
