#include "tests/sim/spoil.h"

struct spoilt spoilt;

/* Lines of the log, which nobody waits for. */
static bool is_log(const struct hsm_commit *commit)
{
	for (size_t i = 0; i < commit->puts; i++)
		if (!commit->put[i].append)
			return false;
	return commit->puts > 0;
}

static void run_spoilt(struct hl_job *j)
{
	struct hsm_commit *commit = (struct hsm_commit *)j;

	spoilt.commits += !is_log(commit);
	if (spoilt.times == 0 || is_log(commit)) {
		spoilt.run(j);
		return;
	}
	spoilt.times--;
	if (spoilt.before) {
		spoilt.before();
		spoilt.run(j);
	} else {
		commit->result = spoilt.result;
	}
}

static void prepare_spoilt(void *store, struct hsm_commit *commit)
{
	spoilt.under.ops->prepare(store, commit);
	spoilt.run = commit->job.run;
	commit->job.run = run_spoilt;
}

void spoil(unsigned times, hl_err result, void (*before)(void))
{
	static struct hsm_store_ops ops;
	struct hsm *h = member();

	spoilt.under = sim_memstore_store(w->hsm_store);
	ops = *spoilt.under.ops;
	ops.prepare = prepare_spoilt;
	h->conf.store.ops = &ops;
	spoilt.times = times;
	spoilt.result = result;
	spoilt.before = before;
	spoilt.commits = 0;
}
