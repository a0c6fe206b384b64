// SPDX-License-Identifier: GPL-2.0-or-later
/* The file of our zones at a primary, which knows it by an include. */
#include "setup_ours.h"

#include <errno.h>
#include <string.h>

int ours_get(struct setup *su, const struct setup_ours *o, struct buf *out, struct why *why)
{
	size_t len = strlen(o->comment);
	const char *text;
	int err = files_get(su->files, o->path, out, why);

	if (err)
		return err == -ENOENT ? 0 : err;
	text = buf_text(out);
	if (!strncmp(text, o->comment, len) && text[len] == ' ' &&
	    !strncmp(text + len + 1, SETUP_MARK, strlen(SETUP_MARK)))
		return 0;
	return why_set(why, -EEXIST, "%s is there, but setup did not write it: move it out of "
		       "the way", files_path(su->files, o->path));
}

int ours_differs(struct setup *su, const struct setup_ours *o, const char *old,
		 const char *block, struct why *why)
{
	char line_was[256], line_is[256];
	struct buf was = { 0 };
	unsigned int line;
	int err = 0;

	if (block_get(old, o->comment, su->domain, &was) && !su->force &&
	    text_first_difference(buf_text(&was), block, &line, line_was, line_is,
				  sizeof(line_was)))
		err = why_set(why, -EEXIST,
			      "%s: zone %s stands there otherwise than asked for now: '%s', not "
			      "'%s' (--force replaces it)", files_path(su->files, o->path),
			      su->domain, line_was + strspn(line_was, "\t "),
			      line_is + strspn(line_is, "\t "));
	buf_free(&was);
	return err;
}

bool ours_has(struct setup *su, const struct setup_ours *o)
{
	struct buf text = { 0 }, block = { 0 };
	struct why unused;
	bool is;

	files_get(su->files, o->path, &text, &unused);
	is = block_get(buf_text(&text), o->comment, su->domain, &block);
	buf_free(&text);
	buf_free(&block);
	return is;
}

int ours_drop(struct setup *su, const struct setup_ours *o, struct why *why)
{
	struct files_owner keep = { (uid_t)-1, (gid_t)-1 };
	struct buf old = { 0 }, new = { 0 };
	int err = ours_get(su, o, &old, why);

	if (!err) {
		block_set(buf_text(&old), o->comment, su->domain, NULL, &new);
		err = files_put(su->files, o->path, &new, 0, keep, why);
	}
	buf_free(&old);
	buf_free(&new);
	return err;
}
