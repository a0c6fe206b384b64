/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * btmmd's control socket on a daemon whose parts are made up: functions of the same names
 * as theirs stand here, so that the linker does not take theirs. After test.h.
 */
#ifndef BTMM_CONTROL_WORLD_H
#define BTMM_CONTROL_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../btmmd/browse.h"
#include "../btmmd/control.h"
#include "../lib/control/btmmd.h"

#define LIMIT_MS	60000	/* no test waits longer for anything */
#define PEERS		4

static struct {
	sd_event *event;
	struct btmmd_control *c;
	char dir[64], path[100];
	struct daemon d;
	struct account account;
	struct btmmd_conf conf;
	uint64_t now;
	/* What the parts say */
	struct peers_status peers[PEERS];
	size_t n_peers;
	enum answers_status known;
	struct tunnel_peer tunnel[PEERS];
	size_t n_tunnel;
	struct ike_status ike[PEERS];
	size_t n_ike;
	struct subscribe_status subscription;
	struct publisher_status publication;
	struct mapping_choice choice;
	struct mapping_path path4;
	struct stun_observer stun;
	struct netwatch *watch;
	struct discover_server server;
	bool vici;
	/* What they were told */
	struct in6_addr called;
	unsigned int calls, refreshed, measured, ups, downs, reloads, links, browses;
	/* The link of a netcheck, the browse */
	const struct dns_link_ops *link_ops;
	void *link_arg;
	const struct browse_ops *browse_ops;
	void *browse_arg;
	struct browse_service services[2];
	size_t n_services;
	int up_error;
	struct btmmd_reloaded reloaded;
	int reload_error;
} w;

/* --- the parts ------------------------------------------------------------------------- */

uint64_t daemon_now(const struct daemon *d)
{
	(void)d;
	return w.now;
}

const struct peers *subscribe_peers(const struct subscribe *s)
{
	(void)s;
	return NULL;
}

bool peers_next(const struct peers *p, struct peers_walk *walk, struct peers_status *out)
{
	(void)p;
	if (walk->n >= w.n_peers)
		return false;
	*out = w.peers[walk->n++];
	return true;
}

enum answers_status peers_known(const struct peers *p)
{
	(void)p;
	return w.known;
}

const char *peers_reason_text(enum peers_reason r)
{
	return r == PEERS_OK ? "" : r == PEERS_NO_SRV ? "has no port" : "is strange";
}

void subscribe_status(const struct subscribe *s, struct subscribe_status *out)
{
	(void)s;
	*out = w.subscription;
}

void publisher_status(const struct publisher *p, struct publisher_status *out)
{
	(void)p;
	*out = w.publication;
}

int tunnel_peers(struct tunnel *t, tunnel_peer_fn fn, void *arg)
{
	size_t i;

	(void)t;
	for (i = 0; i < w.n_tunnel; i++)
		fn(arg, &w.tunnel[i]);
	return 0;
}

int tunnel_peer(struct tunnel *t, const struct in6_addr *ula, struct tunnel_peer *out)
{
	size_t i;

	(void)t;
	for (i = 0; i < w.n_tunnel; i++) {
		if (!memcmp(&w.tunnel[i].ula, ula, sizeof(*ula))) {
			*out = w.tunnel[i];
			return 0;
		}
	}
	return -ENOENT;
}

bool ike_manager_next(const struct ike_manager *m, struct ike_walk *walk, uint64_t now,
		      struct ike_status *out)
{
	(void)m;
	(void)now;
	if (walk->n >= w.n_ike)
		return false;
	*out = w.ike[walk->n++];
	return true;
}

void ike_manager_refresh(struct ike_manager *m)
{
	(void)m;
	w.refreshed++;
}

const char *ike_manager_error(const struct ike_manager *m)
{
	(void)m;
	return "";
}

void ike_peer_call(struct ike_manager *m, const struct in6_addr *ula, enum ike_why why,
		   uint64_t now)
{
	(void)m;
	(void)now;
	assert_int_equal(why, IKE_WHY_ASKED);
	w.called = *ula;
	w.calls++;
}

bool vici_conn_up(const struct vici_conn *c)
{
	(void)c;
	return w.vici;
}

void vici_conn_kick(struct vici_conn *c)
{
	(void)c;
}

const struct mapping_choice *nat_choice(const struct nat *n)
{
	(void)n;
	return &w.choice;
}

size_t nat_paths(const struct nat *n, const struct mapping_path **paths)
{
	(void)n;
	*paths = &w.path4;
	return 1;
}

const struct stun_observer *nat_observer(const struct nat *n)
{
	(void)n;
	return &w.stun;
}

void nat_measure(struct nat *n)
{
	(void)n;
	w.measured++;
}

const struct netwatch *netlink_watch_engine(const struct netlink_watch *n)
{
	(void)n;
	return w.watch;
}

void servers_wanted(struct servers *s, bool anew)
{
	(void)s;
	(void)anew;
}

const struct discover_server *servers_get(const struct servers *s, enum discover_service service,
					  size_t *n)
{
	(void)s;
	*n = service == DISCOVER_UPDATE_TLS || service == DISCOVER_PUSH_TLS;
	return &w.server;
}

int servers_error(const struct servers *s)
{
	(void)s;
	return 0;
}

struct dns_link *dns_link_new(sd_event *event, const struct dns_link_config *config,
			      const struct dns_link_ops *ops, void *arg)
{
	(void)event;
	assert_false(config->clear);
	w.link_ops = ops;
	w.link_arg = arg;
	w.links++;
	return (struct dns_link *)&w;
}

void dns_link_free(struct dns_link *l)
{
	if (!l)
		return;
	w.links--;
	w.link_ops = NULL;
}

void dns_link_connect(struct dns_link *l)
{
	(void)l;
}

const char *dns_place_text(const struct dns_place *p, char out[DNS_PLACE_TEXT])
{
	snprintf(out, DNS_PLACE_TEXT, "server:%u", p->port);
	return out;
}

struct browse *browse_new(sd_event *event, const struct leg_config *leg, const char *type,
			  const struct browse_ops *ops, void *arg)
{
	(void)event;
	(void)type;
	assert_int_equal(leg->kind, w.subscription.kind);
	w.browse_ops = ops;
	w.browse_arg = arg;
	w.browses++;
	return (struct browse *)&w;
}

void browse_free(struct browse *b)
{
	if (b)
		w.browses--;
}

const struct browse_service *browse_next(const struct browse *b, const struct browse_service *s)
{
	size_t i = s ? (size_t)(s - w.services) + 1 : 0;

	(void)b;
	return i < w.n_services ? &w.services[i] : NULL;
}

/* --- the process around it ---------------------------------------------------------------- */

static int up(void *arg, char why[DAEMON_WHY])
{
	(void)arg;
	w.ups++;
	snprintf(why, DAEMON_WHY, "it cannot be");
	if (!w.up_error)
		btmmd_control_daemon(w.c, &w.d);
	return w.up_error;
}

static void down(void *arg)
{
	(void)arg;
	w.downs++;
	w.d.stopping = true;
}

static int reload(void *arg, struct btmmd_reloaded *out, char why[DAEMON_WHY])
{
	(void)arg;
	w.reloads++;
	*out = w.reloaded;
	snprintf(why, DAEMON_WHY, "btmmd.conf:1: it is wrong");
	return w.reload_error;
}

/* --- begun and ended ------------------------------------------------------------------------ */

static inline struct in6_addr ula_of(const char *text)
{
	struct in6_addr a;

	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static inline void add_peer(const char *name, const char *ula, enum peers_reason reason)
{
	struct peers_status *s = &w.peers[w.n_peers++];

	snprintf(s->name, sizeof(s->name), "%s", name);
	s->reason = reason;
	s->told = reason == PEERS_OK;
	s->known = ANSWERS_LIVE;
	if (ula)
		s->ula = ula_of(ula);
	s->outer = (struct addr){ .len = 4, .b = { 192, 0, 2, 7 } };
	s->port = 4500;
}

static inline int world_begin(void **state)
{
	static const struct btmmd_control_ops ops = { up, down, reload };
	static const uint8_t domain[] = "\5alice\7example\3com";
	char why[DAEMON_WHY] = "";

	(void)state;
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	strcpy(w.dir, "/tmp/test_btmmd_control.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	assert_int_equal(chmod(w.dir, 0755), 0);
	snprintf(w.path, sizeof(w.path), "%s/control", w.dir);
	assert_true(sd_event_new(&w.event) >= 0);
	w.watch = netwatch_new();
	assert_non_null(w.watch);
	w.conf.device = (char *)"btmm0";
	w.d.event = w.event;
	w.d.conf = &w.conf;
	w.d.account = &w.account;
	memcpy(w.account.bundle.domain, domain, sizeof(domain));
	strcpy(w.account.domain, "alice.example.com");
	w.d.host = "mini.alice.example.com";
	w.d.label = "mini";
	w.d.id.ula = ula_of("fd00::1");
	w.d.has_network = true;
	w.known = ANSWERS_LIVE;
	w.choice = (struct mapping_choice){
		.how = MAPPING_MAPPED, .via = MAPPING_BY_NATPMP, .port = 4501,
		.address.b = { 192, 0, 2, 1 }, .confirmed = true, .verdict = MAPPING_NAT,
	};
	w.path4 = (struct mapping_path){ .own.b = { 192, 168, 1, 2 }, .port = 4500 };
	w.server = (struct discover_server){ .port = 853, .n_addresses = 1 };
	w.subscription = (struct subscribe_status){
		.quality = SUBSCRIBE_LIVE, .kind = LEG_PUSH, .to.port = 853, .since = 940000,
	};
	w.publication = (struct publisher_status){
		.records = 5, .current = true, .lease = 5400, .expires = 1000000 + 5000000,
		.acknowledged = 999000, .to.port = 853,
	};
	if (btmmd_control_new(w.event, w.path, &ops, NULL, &w.c, why))
		fail_msg("%s", why);
	btmmd_control_daemon(w.c, &w.d);
	return 0;
}

static inline int world_end(void **state)
{
	(void)state;
	btmmd_control_free(w.c);
	assert_int_equal(w.links, 0);
	assert_int_equal(w.browses, 0);
	assert_int_not_equal(access(w.path, F_OK), 0);
	netwatch_free(w.watch);
	sd_event_unref(w.event);
	return rmdir(w.dir);
}

/* --- a client in the same thread -------------------------------------------------------------- */

static inline uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline int dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, w.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* @params: as JSON, or NULL */
static inline void say(int fd, const char *method, const char *params, bool more)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "{\"method\":\"" BTMMD_INTERFACE
			 ".%s\",\"parameters\":%s,\"more\":%s}", method, params ? params : "{}",
			 more ? "true" : "false");

	assert_int_equal(send(fd, text, (size_t)n + 1, MSG_NOSIGNAL), n + 1);
}

static inline void run_all(void)
{
	while (sd_event_run(w.event, 0) > 0)
		;
}

static inline bool has_come(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* The next reply; to be given back. */
static inline json_t *hear(int fd)
{
	static char text[1 << 20];
	uint64_t limit = clock_ms() + LIMIT_MS;
	size_t n = 0;
	json_t *o;

	do {
		while (!has_come(fd)) {
			assert_true(sd_event_run(w.event, 2000) >= 0);
			assert_true(clock_ms() < limit);
		}
		assert_int_equal(recv(fd, text + n, 1, 0), 1);
	} while (text[n++]);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	return o;
}

/* One call, one reply. */
static inline json_t *call(const char *method, const char *params)
{
	int fd = dial();
	json_t *o;

	say(fd, method, params, false);
	o = hear(fd);
	close(fd);
	run_all();
	return o;
}

/* "a.b.0.c" of @o as text, in one of some buffers; "-": there is none, "null" */
static inline const char *at(const json_t *o, const char *path)
{
	static char ring[8][512];
	static unsigned int i;
	char copy[256], *word, *save = NULL, *out = ring[i++ % 8];

	snprintf(copy, sizeof(copy), "%s", path);
	for (word = strtok_r(copy, ".", &save); o && word; word = strtok_r(NULL, ".", &save))
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(word)) :
				       json_object_get(o, word);
	if (json_is_string(o))
		snprintf(out, sizeof(ring[0]), "%s", json_string_value(o));
	else if (json_is_integer(o))
		snprintf(out, sizeof(ring[0]), "%" JSON_INTEGER_FORMAT, json_integer_value(o));
	else
		snprintf(out, sizeof(ring[0]), "%s", !o ? "-" : json_is_null(o) ? "null" :
			 json_is_true(o) ? "true" : json_is_false(o) ? "false" : "...");
	return out;
}

#define assert_at(o, path, want)	assert_string_equal(at(o, path), want)

#endif
