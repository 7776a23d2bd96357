/*
 * list - what of <theseus/list.h> is too long to be inlined.
 */
#include <theseus/list.h>

void ths_list_move_all(struct ths_list *to, struct ths_list *from)
{
	if (ths_list_is_empty(from))
		return;

	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	ths_list_init(from);
}

enum ths_err ths_list_verify(const struct ths_list *head, size_t limit, size_t *count)
{
	const struct ths_list *node = head;
	size_t seen = 0;

	do {
		/* Test the pointer before following it back: a wiped node is the usual
		 * way for a list to break, and must not fault here. */
		if (!node->next || node->next->prev != node)
			return THS_E_INTERNAL;
		node = node->next;
		if (node != head && ++seen > limit)
			return THS_E_INTERNAL;
	} while (node != head);

	if (count)
		*count = seen;
	return THS_OK;
}
