/* master_store.c - the lock that the master of a cluster holds on a file of the world.
 *
 * It is the process's own: a child does not inherit it, and the kernel ends it with the process. The member's parent
 * process takes it, so that workers come and go under one master. */
#include "hsm/core.h"
#include "hsm/private_store.h"
#include "lib/os/files.h"

static hl_err take(const void *path)
{
	HL_TRY(hsm_private_folder(path));
	return hl_lock_take(path);
}

static hl_err lives(const void *path)
{
	pid_t holder;
	hl_err err = hl_lock_holder(path, &holder);

	return err == HL_E_NOT_FOUND ? HL_E_MASTER : err;
}

struct hsm_master hsm_master_file(const char *path)
{
	static const struct hsm_master_ops ops = { take, lives };

	return (struct hsm_master){ &ops, path };
}
