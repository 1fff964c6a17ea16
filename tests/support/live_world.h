/* live_world.h - what stories of the client library begin with: a live world, one tenant, its account and a client's files. */
#pragma once

#include "tests/support/live.h"

extern struct live *w;
extern struct live_account acme;
extern struct live_client client;

/** Start such a world; or (`options` NULL) provide for `w`, which is there. What failed is in the logs. */
bool live_world_begin(const struct live_options *options);
/** The exit status of the test whose tests ended with `rc`: where they failed, all logs are shown. */
int live_world_end(int rc);
