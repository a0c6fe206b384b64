// SPDX-License-Identifier: GPL-2.0-or-later
#include "srv.h"

static void swap(struct srv_choice *a, struct srv_choice *b)
{
	struct srv_choice tmp = *a;

	*a = *b;
	*b = tmp;
}

/* Of one priority: those of weight 0 first, as the RFC has it. */
static void draw_by_weight(struct srv_choice *c, size_t n, srv_random_fn below, void *arg)
{
	size_t i, k, zeros = 0;
	uint64_t sum = 0;

	for (i = 0; i < n; i++) {
		sum += c[i].weight;
		if (!c[i].weight)
			swap(&c[zeros++], &c[i]);
	}
	for (k = 0; k + 1 < n; k++) {
		uint64_t drawn = below(arg, sum + 1), running = 0;
		struct srv_choice chosen;

		for (i = k; i + 1 < n; i++) {
			running += c[i].weight;
			if (running >= drawn)
				break;
		}
		chosen = c[i];
		sum -= chosen.weight;
		/* The others stay in their order. */
		for (; i > k; i--)
			c[i] = c[i - 1];
		c[k] = chosen;
	}
}

void srv_order(struct srv_choice *c, size_t n, srv_random_fn below, void *arg)
{
	size_t i, j;

	for (i = 1; i < n; i++) {
		for (j = i; j && c[j].priority < c[j - 1].priority; j--)
			swap(&c[j], &c[j - 1]);
	}
	for (i = 0; i < n; i = j) {
		for (j = i + 1; j < n && c[j].priority == c[i].priority; j++)
			;
		draw_by_weight(c + i, j - i, below, arg);
	}
}
