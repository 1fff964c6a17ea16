#include "tests/support/live_world.h"

struct live *w;
struct live_account acme;
struct live_client client;

bool live_world_begin(const struct live_options *options)
{
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "12345678",
	};

	if (options)
		w = live_start(options);
	return w && live_provision(w, &tenant, &acme) == HL_OK && live_client_ready(w, "acme", &acme, &client);
}

int live_world_end(int rc)
{
	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
