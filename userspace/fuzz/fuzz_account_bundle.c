// SPDX-License-Identifier: GPL-2.0-or-later
/* A bundle that is read can be written, and is the same when it is read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/account/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void write_and_read(const struct bundle *b)
{
	static char text[2 * BUNDLE_TEXT_MAX];
	static struct bundle again;
	char why[BUNDLE_WHY];
	unsigned int line;
	size_t len = bundle_write(b, text, sizeof(text));

	check(len > 0);
	check(!bundle_read(text, len, &again, &line, why));
	check(again.kind == b->kind && dname_equal(again.domain, b->domain) &&
	      dname_equal(again.key.name, b->key.name) &&
	      again.key.secret_len == b->key.secret_len &&
	      !memcmp(again.key.secret, b->key.secret, b->key.secret_len) &&
	      again.n_pins == b->n_pins &&
	      !memcmp(again.pins, b->pins, b->n_pins * PIN_LEN) &&
	      !strcmp(again.authority, b->authority) &&
	      !strcmp(again.authority_key, b->authority_key) &&
	      !strcmp(again.certificate, b->certificate) &&
	      !strcmp(again.private_key, b->private_key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), why[BUNDLE_WHY];
	static struct bundle b;
	unsigned int line;
	const char *bad;

	if (!text || size > BUNDLE_TEXT_MAX) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	bad = bundle_read(text, size, &b, &line, why);
	check(!bad || (*bad && strlen(bad) < BUNDLE_WHY && !b.key.secret_len));
	check(line <= size + 1);
	if (!bad)
		write_and_read(&b);
	free(text);
	return 0;
}
