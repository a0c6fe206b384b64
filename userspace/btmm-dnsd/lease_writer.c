// SPDX-License-Identifier: GPL-2.0-or-later
#include "lease_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A commit that takes this long on average (us) is not for the event loop. */
#define SLOW		300
#define WEIGHT		8	/* of the past, in the average */

/* Who may touch the data base and the batches: the caller in IDLE and DONE, else the
 * thread.
 */
enum state { IDLE, COMMIT, TIDY, DONE };

struct lease_writer {
	struct lease_db *db;
	enum lease_writer_mode mode;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t work, done;
	int fd;
	enum state state;		/* these two under the mutex */
	bool quit;
	struct lease_batch a, b;
	bool sync;
	int ret;
	uint64_t average;		/* us, times WEIGHT */
};

static void commit(struct lease_writer *w)
{
	struct lease_db_stats stats;

	w->ret = lease_db_commit(w->db, &w->a, &w->b, w->sync);
	lease_db_stats(w->db, &stats);
	w->average += stats.last_us - w->average / WEIGHT;
}

static void *work(void *arg)
{
	static const uint64_t one = 1;
	struct lease_writer *w = arg;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		enum state state;

		while ((w->state == IDLE || w->state == DONE) && !w->quit)
			pthread_cond_wait(&w->work, &w->mutex);
		state = w->state;
		if (state == IDLE || state == DONE)
			break;

		pthread_mutex_unlock(&w->mutex);
		if (state == COMMIT)
			commit(w);
		else
			lease_db_tidy(w->db);
		pthread_mutex_lock(&w->mutex);

		/* While it tidied, a commit may have been submitted. */
		if (w->state == TIDY)
			w->state = IDLE;
		else if (state == COMMIT)
			w->state = DONE;
		pthread_cond_signal(&w->done);
		if (state == COMMIT && write(w->fd, &one, sizeof(one)) < 0)
			continue;	/* it is readable anyway */
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static int start(struct lease_writer *w)
{
	sigset_t all, before;
	int ret;

	/* Signals are for the event loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

struct lease_writer *lease_writer_new(struct lease_db *db, enum lease_writer_mode mode)
{
	struct lease_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->db = db;
	w->mode = mode;
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->done, NULL);
	if (mode != WRITER_INLINE && start(w)) {
		pthread_cond_destroy(&w->work);
		pthread_cond_destroy(&w->done);
		pthread_mutex_destroy(&w->mutex);
		close(w->fd);
		free(w);
		return NULL;
	}
	return w;
}

static enum state get_state(const struct lease_writer *w)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)&w->mutex;
	enum state state;

	pthread_mutex_lock(mutex);
	state = w->state;
	pthread_mutex_unlock(mutex);
	return state;
}

static void set_state(struct lease_writer *w, enum state state)
{
	pthread_mutex_lock(&w->mutex);
	w->state = state;
	if (state == COMMIT || state == TIDY)
		pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
}

void lease_writer_free(struct lease_writer *w)
{
	if (!w)
		return;
	if (w->mode != WRITER_INLINE) {
		pthread_mutex_lock(&w->mutex);
		w->quit = true;
		pthread_cond_signal(&w->work);
		pthread_mutex_unlock(&w->mutex);
		pthread_join(w->thread, NULL);
	}
	lease_batch_clear(&w->a);
	lease_batch_clear(&w->b);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->mutex);
	close(w->fd);
	lease_db_close(w->db);
	free(w);
}

int lease_writer_fd(const struct lease_writer *w)
{
	return w->mode == WRITER_INLINE ? -1 : w->fd;
}

bool lease_writer_idle(const struct lease_writer *w)
{
	return get_state(w) == IDLE;
}

static bool in_thread(const struct lease_writer *w)
{
	return w->mode == WRITER_THREAD ||
	       (w->mode == WRITER_AUTO && w->average / WEIGHT > SLOW);
}

void lease_writer_submit(struct lease_writer *w, struct lease_batch *a, struct lease_batch *b,
			 bool sync)
{
	w->a = *a;
	w->b = *b;
	w->sync = sync;
	*a = (struct lease_batch){ 0 };
	*b = (struct lease_batch){ 0 };
	if (in_thread(w)) {
		set_state(w, COMMIT);
		return;
	}
	commit(w);
	set_state(w, DONE);
}

bool lease_writer_result(struct lease_writer *w, int *ret, struct lease_batch *b)
{
	uint64_t n;

	/* First, so that it is not readable for what has been told. */
	if (read(w->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return false;
	if (get_state(w) != DONE)
		return false;
	*ret = w->ret;
	*b = w->b;
	w->b = (struct lease_batch){ 0 };
	lease_batch_clear(&w->a);
	set_state(w, IDLE);
	return true;
}

void lease_writer_wait(struct lease_writer *w)
{
	pthread_mutex_lock(&w->mutex);
	while (w->state == COMMIT || w->state == TIDY)
		pthread_cond_wait(&w->done, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
}

struct lease_db *lease_writer_db(const struct lease_writer *w)
{
	return w->db;
}

void lease_writer_tidy(struct lease_writer *w)
{
	if (!lease_db_untidy(w->db))
		return;
	if (in_thread(w))
		set_state(w, TIDY);
	else
		lease_db_tidy(w->db);
}
