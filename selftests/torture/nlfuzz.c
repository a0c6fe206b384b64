// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nlfuzz SECONDS SEED CORPUS-DIR [--kcov] [CAPTURE.pcap]
 *
 * Programs of netlink messages for the family autotunnel and the links of that kind, in
 * the network namespace it runs in, in which it deletes all such links. Those that bring
 * something new are kept in the directory: new edges of the module's code where there is
 * kcov, and new answers (command, error and sentence). Real messages are taken from a
 * capture of nlmon. Says every ten seconds how far it is, and at the end
 * NAME=NUMBER of what was done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/autotunnel.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nlfuzz.h"

#define CORPUS_MAX	4096
#define MAP_BITS	(1 << 16)
#define RESET_EVERY	256	/* programs */
#define SAY_EVERY	10	/* seconds */
#define LEAST		200	/* programs, however slow the machine */

static uint64_t state;
static struct prog *corpus[CORPUS_MAX];
static size_t n_corpus, n_loaded, n_captured;
static const char *corpus_dir;
static uint8_t edges[MAP_BITS / 8], answers[MAP_BITS / 8];
static unsigned long executions, messages, accepted[256], accepted_links;
static bool deleted;	/* a device, perhaps one of ours */

/* xorshift64* */
static uint64_t rnd64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

uint32_t rnd(uint32_t below)
{
	return below ? (rnd64() >> 32) % below : 0;
}

bool chance(uint32_t one_in)
{
	return !rnd(one_in);
}

void rnd_fill(void *p, size_t n)
{
	uint8_t *octets = p;

	while (n--)
		*octets++ = rnd64() >> 56;
}

const struct prog *any_prog(void)
{
	return corpus[rnd(n_corpus)];
}

static struct prog *corpus_add(const struct prog *p)
{
	struct prog *copy;

	if (n_corpus == CORPUS_MAX) {
		copy = corpus[rnd(CORPUS_MAX)];
	} else {
		copy = malloc(sizeof(*copy));
		if (!copy)
			exit(2);
		corpus[n_corpus++] = copy;
	}
	*copy = *p;
	return copy;
}

static void corpus_save(const struct prog *p)
{
	uint64_t h = 14695981039346656037ull;
	char path[4096];
	size_t i;
	int fd;

	for (i = 0; i < p->len; i++)
		h = (h ^ p->data[i]) * 1099511628211ull;
	snprintf(path, sizeof(path), "%s/%016llx", corpus_dir, (unsigned long long)h);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (write(fd, p->data, p->len) != (ssize_t)p->len)
		unlink(path);
	close(fd);
}

static void corpus_load(void)
{
	const struct rec *at[PROG_MSGS];
	char path[4096];
	struct dirent *d;
	struct prog p;
	ssize_t n;
	DIR *dir;
	int fd;

	dir = opendir(corpus_dir);
	if (!dir) {
		perror(corpus_dir);
		exit(2);
	}
	while ((d = readdir(dir)) && n_corpus < CORPUS_MAX / 2) {
		snprintf(path, sizeof(path), "%s/%s", corpus_dir, d->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, p.data, sizeof(p.data));
		close(fd);
		p.len = n > 0 ? n : 0;
		if (!prog_split(&p, at))
			continue;
		corpus_add(&p);
		n_loaded++;
	}
	closedir(dir);
}

/* Requests to the kernel, of a capture with link type NETLINK. */
static void corpus_capture(const char *path)
{
	struct {
		uint32_t head[6];
	} file;
	struct {
		uint32_t sec, usec, caplen, len;
	} record;
	static uint8_t frame[64 << 10] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	struct prog p;
	uint16_t proto;
	size_t len;
	FILE *f;

	f = fopen(path, "re");
	if (!f || fread(&file, sizeof(file), 1, f) != 1) {
		perror(path);
		exit(2);
	}
	while (fread(&record, sizeof(record), 1, f) == 1) {
		if (record.caplen > sizeof(frame) || fread(frame, record.caplen, 1, f) != 1)
			break;
		if (record.caplen < 16 + sizeof(*nlh))
			continue;
		/* 16 octets of a made-up link layer, the protocol last */
		proto = frame[14] << 8 | frame[15];
		nlh = (const struct nlmsghdr *)(frame + 16);
		len = record.caplen - 16;
		if (!(nlh->nlmsg_flags & NLM_F_REQUEST) || nlh->nlmsg_len > len)
			continue;
		if (proto == NETLINK_GENERIC ? nlh->nlmsg_type != kernel_family() :
		    proto != NETLINK_ROUTE || (nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK))
			continue;
		p.len = 0;
		if (prog_from_messages(&p, proto, nlh, nlh->nlmsg_len)) {
			corpus_add(&p);
			n_captured++;
		}
	}
	fclose(f);
}

static bool answer_is_new(const struct rec *r, struct result result)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(r + 1);
	uint8_t cmd = r->proto == NETLINK_GENERIC ? ((struct genlmsghdr *)NLMSG_DATA(nlh))->cmd : nlh->nlmsg_type;
	uint32_t h = ((cmd << 16 ^ result.err) + 1u) * 2654435761u ^ result.text;

	if (!result.err) {
		if (r->proto == NETLINK_GENERIC)
			accepted[cmd]++;
		else if (nlh->nlmsg_type != RTM_GETLINK)
			accepted_links++;
		deleted |= r->proto == NETLINK_ROUTE && nlh->nlmsg_type == RTM_DELLINK;
	}
	h = (h * 2654435761u >> 8) % MAP_BITS;
	if (answers[h / 8] & 1 << h % 8)
		return false;
	answers[h / 8] |= 1 << h % 8;
	return true;
}

/* Return: was there anything new? */
static bool run(const struct prog *p)
{
	const struct rec *at[PROG_MSGS];
	size_t n = prog_split(p, at), i;
	bool fresh = false;

	kcov_begin();
	for (i = 0; i < n; i++) {
		fresh |= answer_is_new(at[i], kernel_send(at[i]));
		messages++;
	}
	fresh |= kcov_end(edges, MAP_BITS);
	executions++;
	return fresh;
}

static unsigned int bits(const uint8_t *map)
{
	unsigned int n = 0, i;

	for (i = 0; i < MAP_BITS / 8; i++)
		n += __builtin_popcount(map[i]);
	return n;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void say(const char *what)
{
	printf("%s executions=%lu messages=%lu links=%lu corpus=%zu edges=%u answers=%u\n", what, executions, messages,
	       kernel_links(), n_corpus, bits(edges), bits(answers));
	fflush(stdout);
}

static void loop(double end)
{
	double next = now() + SAY_EVERY;
	struct prog p;
	size_t tried = 0;

	/* What there is already, then changes of it. */
	while (now() < end || executions < LEAST) {
		if (deleted || executions % RESET_EVERY == 0)
			kernel_reset();
		deleted = false;
		if (tried < n_loaded + n_captured) {
			run(corpus[tried++]);
		} else {
			if (!n_corpus || chance(16)) {
				prog_generate(&p);
			} else {
				p = *corpus[chance(2) ? rnd(n_corpus) : n_corpus - 1 - rnd(n_corpus < 32 ? n_corpus : 32)];
				prog_mutate(&p);
			}
			if (run(&p)) {
				corpus_add(&p);
				corpus_save(&p);
			}
		}
		if (now() > next) {
			say("progress:");
			next += SAY_EVERY;
		}
	}
}

int main(int argc, char **argv)
{
	bool kcov = argc > 4 && !strcmp(argv[4], "--kcov");
	const char *capture = argc > 4 + kcov ? argv[4 + kcov] : NULL;
	struct prog p;
	int i;

	if (argc < 4) {
		fprintf(stderr, "usage: nlfuzz SECONDS SEED CORPUS-DIR [--kcov] [CAPTURE.pcap]\n");
		return 2;
	}
	state = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15ull + 1;
	corpus_dir = argv[3];
	kernel_open(kcov);
	/* Real ones first: one goes with the other. */
	if (capture)
		corpus_capture(capture);
	corpus_load();
	for (i = 0; i < 64; i++) {
		prog_generate(&p);
		corpus_add(&p);
	}
	loop(now() + strtod(argv[1], NULL));
	kernel_reset();
	kernel_clean();
	say("done:");
	printf("loaded=%zu captured=%zu link_operations=%lu\n", n_loaded, n_captured, accepted_links);
	for (i = 1; i <= AUTOTUNNEL_CMD_DGRAM_SEND; i++)
		printf("accepted_%d=%lu\n", i, accepted[i]);
	return 0;
}
