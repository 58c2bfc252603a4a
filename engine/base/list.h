/*
 * list.h: an intrusive, circular, doubly linked list. A head is a struct list, and so is the member by which an
 * entry is linked. An entry that is on no list points to itself, as list_init() and list_del() leave it, so
 * list_empty(&entry->link) says whether it is on one. No lock: the owner of the list has one where it needs one.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define list_entry(ptr, type, member)   container_of(ptr, type, member)
#define list_first(head, type, member)  list_entry((head)->next, type, member)

/* pos: a struct list pointer. The _safe one allows that the loop takes *pos off; tmp is its own. */
#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, tmp, head)                                                         \
	for (pos = (head)->next, tmp = pos->next; pos != (head); pos = tmp, tmp = pos->next)

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* For list_add() and list_add_tail() only. */
static inline void list_add_between(struct list *entry, struct list *prev, struct list *next)
{
	entry->prev = prev;
	entry->next = next;
	prev->next = entry;
	next->prev = entry;
}

/* As the first one. The entry is on no list. */
static inline void list_add(struct list *entry, struct list *head)
{
	list_add_between(entry, head, head->next);
}

/* As the last one. The entry is on no list. */
static inline void list_add_tail(struct list *entry, struct list *head)
{
	list_add_between(entry, head->prev, head);
}

/* Takes the entry off and leaves it pointing to itself. Harmless on an entry that is on no list. */
static inline void list_del(struct list *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	list_init(entry);
}

/* Moves all of `from` to the tail of `to`; `from` is empty afterwards. */
static inline void list_splice_tail(struct list *from, struct list *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#endif
