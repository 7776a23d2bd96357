/*
 * list - an intrusive doubly linked ring with a head.
 *
 * The node lies in the thing that is listed, so adding cannot fail and needs no memory.
 * The head is a node too; an empty list is a head that points at itself, and so is a
 * node that is in no list. For nano_core and the host tools only: rows of state_db hold
 * no pointers, modules link by index.
 *
 * Invariants
 *   L1  For every node n of a list: n->next->prev == n and n->prev->next == n.
 *   L2  Removing leaves the node alone in a list of its own: removing it again, or
 *       asking whether it is in a list, is defined.
 *   L3  Order is kept: what was added last comes last, what was added first comes first.
 *
 * Use: ths_list_init() the head and each node, ths_list_add_last(), ths_list_for_each().
 * See tests/unit/base/list_test.c shows L1-L3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

struct ths_list {
	struct ths_list *next; /* itself: alone */
	struct ths_list *prev;
};

#define THS_LIST_INIT(name)                                                              \
	{                                                                                \
		&(name), &(name)                                                         \
	}

/* The thing of @type whose member @member is the node at @node. */
#define THS_LIST_ENTRY(node, type, member)                                               \
	((type *)((uintptr_t)(node)-offsetof(type, member)))

/* Every node of the list, in order; the list must not change meanwhile. */
#define ths_list_for_each(pos, head)                                                     \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

/* The same, where @pos, and nothing else, may be removed on the way. */
#define ths_list_for_each_safe(pos, following, head)                                     \
	for ((pos) = (head)->next, (following) = (pos)->next; (pos) != (head);           \
	     (pos) = (following), (following) = (pos)->next)

/**
 * ths_list_init()     - make @node a list of its own: an empty head, or a free node
 * ths_list_is_empty() - whether @node is alone: a head without nodes, a node in no list
 *
 * Context: any; callers serialise.
 */
THS_INLINE void ths_list_init(struct ths_list *node)
{
	node->next = node;
	node->prev = node;
}

/* With THS_CHECKS, L1 is looked at before neighbours are believed (theseus-debug(7)). */
#ifdef THS_CHECKS
void ths_list_check_(const struct ths_list *node);
#else
THS_INLINE void ths_list_check_(const struct ths_list *node)
{
	(void)node;
}
#endif

THS_INLINE bool ths_list_is_empty(const struct ths_list *node)
{
	return node->next == node;
}

/**
 * ths_list_add_after()  - put @node, which is in no list, behind @at
 * ths_list_add_before() - put @node, which is in no list, before @at
 * ths_list_add_first()  - put @node, which is in no list, at the front of @head
 * ths_list_add_last()   - put @node, which is in no list, at the end of @head
 * ths_list_remove()     - take @node out of the list it is in, if any (L2)
 *
 * Context: any; callers serialise.
 */
THS_INLINE void ths_list_add_after(struct ths_list *at, struct ths_list *node)
{
	ths_list_check_(at);
	node->next = at->next;
	node->prev = at;
	at->next->prev = node;
	at->next = node;
}

THS_INLINE void ths_list_add_before(struct ths_list *at, struct ths_list *node)
{
	ths_list_add_after(at->prev, node);
}

THS_INLINE void ths_list_add_first(struct ths_list *head, struct ths_list *node)
{
	ths_list_add_after(head, node);
}

THS_INLINE void ths_list_add_last(struct ths_list *head, struct ths_list *node)
{
	ths_list_add_after(head->prev, node);
}

THS_INLINE void ths_list_remove(struct ths_list *node)
{
	ths_list_check_(node);
	node->prev->next = node->next;
	node->next->prev = node->prev;
	ths_list_init(node);
}

/**
 * ths_list_first() - the first node of @head; NULL when there is none
 * ths_list_last()  - the last node of @head; NULL when there is none
 * ths_list_take_first() - remove the first node and return it; NULL when there is none
 *
 * Context: any; callers serialise.
 */
THS_INLINE struct ths_list *ths_list_first(const struct ths_list *head)
{
	return head->next == head ? NULL : head->next;
}

THS_INLINE struct ths_list *ths_list_last(const struct ths_list *head)
{
	return head->prev == head ? NULL : head->prev;
}

THS_INLINE struct ths_list *ths_list_take_first(struct ths_list *head)
{
	struct ths_list *node = ths_list_first(head);

	if (node)
		ths_list_remove(node);
	return node;
}

/**
 * ths_list_move_all() - append all nodes of @from to @to, in order; @from is empty then
 *
 * Context: any; callers serialise; takes the same time for any length.
 */
void ths_list_move_all(struct ths_list *to, struct ths_list *from);

/**
 * ths_list_verify() - walk the list and test L1
 * @head:  the list; only read
 * @limit: the most nodes it may have; ends the walk of a list that runs in a circle
 * @count: out: the nodes counted; may be NULL
 *
 * Context: any; callers serialise.
 * Return:  THS_OK;
 *          THS_E_INTERNAL  a link does not point back, or more than @limit nodes.
 */
THS_MUST_CHECK enum ths_err ths_list_verify(const struct ths_list *head, size_t limit,
					    size_t *count);
