/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: Varlink (varlink.org), that is JSON objects that end with a
 * NUL octet, over AF_UNIX. The kernel says who calls (SO_PEERCRED): root and the
 * daemon's own user may do everything, others what the table lets them.
 */
#ifndef BTMM_CONTROL_H
#define BTMM_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct control;

/* One call, until it is answered for good or its client is gone. */
struct control_call;

struct control_method {
	const char *name;	/* without the interface: "Status" */
	bool needs_root;	/* or the daemon's own user */
	/*
	 * @params: an object, borrowed. Has to answer, now or later, by one of
	 * control_reply() and control_error(); before them, if control_wants_more(),
	 * any number of control_more().
	 */
	void (*handler)(void *arg, struct control_call *call, const json_t *params);
};

struct control_info {
	const char *interface;		/* "org.example.dnsd" */
	const char *description;	/* in Varlink's language */
	const char *vendor, *product, *version, *url;
	const struct control_method *methods;
	size_t n_methods;
	/* A client was sent away for what @what says; no full stop. May be NULL. */
	void (*refused)(uid_t uid, const char *what);
};

/*
 * @path: made with mode 0666 (the credentials decide), in place of a socket that
 * nobody listens on. @fd >= 0: a listening socket from systemd instead, owned from
 * here. @info and all that is in it is borrowed. 0, or negative errno with a
 * sentence in @why (-EADDRINUSE: another daemon listens there).
 */
int control_new(sd_event *event, const char *path, int fd, const struct control_info *info,
		void *arg, struct control **out, char *why, size_t why_size);
/* Also removes the socket if it made it. Open calls end; their gone() is called. */
void control_free(struct control *c);

/* All of these steal @params (NULL: an empty object). */
void control_reply(struct control_call *call, json_t *params);
/* An intermediate reply of a call with "more". False: the client reads too slowly,
 * or went, and is cut: its gone() comes.
 */
bool control_more(struct control_call *call, json_t *params);
/* @name: "NoSuchZone" (of the interface) or with dots (of another). @text: a
 * sentence that says what to do, in the parameter "text".
 */
void control_error(struct control_call *call, const char *name, const char *text);
/* The standard org.varlink.service.InvalidParameter. */
void control_invalid(struct control_call *call, const char *parameter);

bool control_wants_more(const struct control_call *call);
uid_t control_uid(const struct control_call *call);
/*
 * @gone is called when the client went before the call was answered; @call is
 * invalid from then on. Without one, @call stays valid until it is answered.
 */
void control_on_gone(struct control_call *call, void (*gone)(void *arg), void *arg);

/* --- the client's side: blocking, for the command line --- */

/*
 * Calls @method (with its interface, "org.example.dnsd.Status") of @daemon (a word for
 * messages, and the unit's name) with @params (borrowed, NULL: none). 0 and the
 * parameters of the reply in @reply (owned by the caller); -EPERM: only root may; -ESRCH:
 * there is no such thing (an error "NoSuch..."); -EREMOTEIO: the daemon said no for
 * another reason; other negative errno: it could not be asked. @why: a sentence that says
 * what to do next.
 */
int control_call(const char *daemon, const char *path, const char *method,
		 const json_t *params, unsigned int timeout_ms, json_t **reply, char *why,
		 size_t why_size);
/*
 * With "more": @each gets every reply (borrowed) until it returns false or the last
 * one was delivered. @timeout_ms is for the first reply; then there is none.
 */
int control_watch(const char *daemon, const char *path, const char *method,
		  const json_t *params, unsigned int timeout_ms,
		  bool (*each)(void *arg, const json_t *params), void *arg, char *why,
		  size_t why_size);

#endif
